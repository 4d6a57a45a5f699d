"""The weights that a file holds for one layer, whatever its class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kerasport.dialect.model import ModelDef
from kerasport.dialect.paths import Parts, places
from kerasport.reader.saved import SavedModel

if TYPE_CHECKING:
    from kerasport.loading import LoadedModel

Named = Sequence[tuple[str, tuple[int, ...]]]
# The names and shapes of weights by the layer that they belong to, "" for the layer itself.
Held = dict[str, list[tuple[str, tuple[int, ...]]]]
_HEADS = ("query", "query_dense", "_query_dense")


def weights_of(model: LoadedModel, key: str) -> Held:
    """The weights of a layer, and of the layers that it holds, by its full name."""
    held: Held = {}
    for path, shape in stored_shapes(model.saved, model.definition, model.assembly.parts, key):
        holder, slash, role = path.partition("/")
        held.setdefault(holder if slash else "", []).append((role if slash else holder, shape))
    return held


def stored_shapes(
    saved: SavedModel, definition: ModelDef, parts: Parts, key: str
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name, below a layer, and the shape of each weight that a file has for it and for the layers that it holds.

    Args:
        saved: The file.
        definition: The whole model.
        parts: The layers that composed ones hold.
        key: The layer's full name.
    """
    return _in_tree(saved, definition, parts, key) if saved.tree is not None else _in_groups(saved, key)


def _in_tree(saved: SavedModel, definition: ModelDef, parts: Parts, key: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    assert saved.tree is not None
    place = dict(places(definition, saved.tree, parts)).get(key, "").strip("/")
    for path, shapes in saved.tree.listing():
        if place and f"{path}/".startswith(f"{place}/"):
            inner = path.removeprefix(place).strip("/")
            yield from ((f"{inner}/{index}".strip("/"), shape) for index, shape in enumerate(shapes))


def _in_groups(saved: SavedModel, key: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    outer, _, name = key.rpartition("/")
    for path, weight in saved.weights.get(outer.partition("/")[0] or name, ()):
        parts = re.sub(r":\d+$", "", path).split("/")
        if name in parts[:-1]:
            parts = parts[parts.index(name) + 1 :]
        elif outer:
            continue
        yield "/".join(parts).removeprefix(f"{name}_"), weight.shape


def likely_part(weights: Named) -> str:
    """What a layer with such weights may be, as the arguments of ``CustomLayer.part`` behind the attribute."""
    roles, shapes = [role for role, _ in weights], [shape for _, shape in weights]
    ranks = [len(shape) for shape in shapes]
    heads = next((s for role, s in weights if role.split("/")[0] in _HEADS and len(s) == 3), None)
    if heads is not None:
        return f'"MultiHeadAttention", num_heads={heads[1]}, key_dim={heads[2]}'
    if "embeddings" in roles:
        return f'"Embedding", input_dim={shapes[0][0]}, output_dim={shapes[0][1]}'
    if ranks == [2, 1] or roles == ["kernel"]:
        return f'"Dense", units={shapes[0][-1]}, use_bias={len(weights) > 1}, activation=...'
    if ranks[:1] in ([3], [4]) and len(weights) <= 2:
        return f'"Conv{ranks[0] - 2}D", filters={shapes[0][-1]}, kernel_size={shapes[0][:-2]}, padding=...'
    if ranks == [1] * 4:
        return '"BatchNormalization", epsilon=...'
    return '"LayerNormalization", epsilon=...' if ranks == [1, 1] else "..."
