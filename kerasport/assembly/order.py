"""The order in which the calls of a model run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kerasport.dialect.model import LayerDef, ModelDef
from kerasport.errors import DamagedFileError

# The ``node``-th call of a layer.
CallId = tuple[str, int]


def order(model: ModelDef, layers: Mapping[str, LayerDef], done: Mapping[CallId, object]) -> Sequence[CallId]:
    """The calls that the outputs need, inputs first.

    Args:
        model: The model.
        layers: Its layers by name.
        done: What has run already.

    Raises:
        DamagedFileError: The calls form a circle, or one is not there.
    """
    calls = list(_depth_first(model, layers, done))
    return by_depth(calls, model, layers) if any(map(_takes_masks, model.layers)) else calls


def by_depth(calls: Sequence[CallId], model: ModelDef, layers: Mapping[str, LayerDef]) -> list[CallId]:
    """Keras 3's own order: by the longest way to an output, the farthest first.

    Args:
        calls: In depth-first order.
        model: The model.
        layers: Its layers by name.
    """
    depths: dict[CallId, int] = {}
    deepest: dict[str, int] = {}
    among = set(calls)
    for call in reversed(calls):
        depth = max(depths.get(call, 0), deepest.get(call[0], 0))
        depths[call] = deepest[call[0]] = depth
        for need in _needs(model, layers, call):
            if need in among:
                depths[need] = max(depth + 1, depths.get(need, 0))
    return sorted(depths, key=lambda call: -depths[call])


def _takes_masks(layer: LayerDef) -> bool:
    """Whether the order of calls matters: attention of Keras 3.8 and later takes the masks off its inputs."""
    inner = [*(layer.model.layers if layer.model else ()), *layer.inner.values()]
    return bool(layer.config.get("takes_masks")) or any(map(_takes_masks, inner))


def _depth_first(model: ModelDef, layers: Mapping[str, LayerDef], done: Mapping[CallId, object]) -> Iterator[CallId]:
    """Inputs first, without recursion (models may be thousands deep)."""
    state: dict[CallId, bool] = dict.fromkeys(done, True)
    for output in model.outputs:
        stack = [(output.layer, output.node)]
        while stack:
            call = stack[-1]
            if state.get(call):
                stack.pop()
                continue
            waiting = [need for need in _needs(model, layers, call) if not state.get(need)]
            if not waiting:
                state[call] = True
                stack.pop()
                yield call
            elif any(need in state for need in waiting):
                raise DamagedFileError(f"The layers of the model {model.name!r} form a cycle at {call[0]!r}.")
            else:
                state[call] = False
                stack += reversed(waiting)


def _needs(model: ModelDef, layers: Mapping[str, LayerDef], call: CallId) -> list[CallId]:
    name, index = call
    if name not in layers or not 0 <= index < len(layers[name].nodes):
        raise DamagedFileError(
            f"The model {model.name!r} uses call {index} of the layer {name!r}, which it does not have."
        )
    node = layers[name].nodes[index]
    if not node.inputs and not layers[name].operation:
        raise DamagedFileError(f"The layer {name!r} of the model {model.name!r} has no input.")
    return [(ref.layer, ref.node) for ref in (*node.inputs, *([node.mask] if node.mask else []))]
