"""The canonical form of a model, to which every dialect is brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kerasport.dialect.storage import PLAIN, Storage


@dataclass(frozen=True, slots=True)
class TensorRef:
    """The ``tensor``-th output of the ``node``-th call of a layer, within one model.

    Attributes:
        shape: Its shape, where the file notes that beside the reference; the batch is its first axis.
        dtype: Its dtype, likewise.
    """

    layer: str
    node: int = 0
    tensor: int = 0
    shape: Any = field(default=None, compare=False)
    dtype: str = field(default="", compare=False)


@dataclass(frozen=True)
class Node:
    """One call of a layer.

    Attributes:
        inputs: Its tensors in order; states and other tensor arguments follow the main inputs.
        mask: The mask given explicitly, or None.
        kwargs: Constant keyword arguments of the call.
        args: An operation's positional arguments, with a ``Slot`` where one of the inputs stands.
    """

    inputs: tuple[TensorRef, ...]
    mask: TensorRef | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    args: tuple[Any, ...] = ()


@dataclass(frozen=True)
class LayerDef:
    """A layer or nested model.

    Attributes:
        name: Keras's name, unique within its model.
        class_name: Canonical.
        config: Canonical (Keras 3 keys, every default that depends on a version explicit).
        nodes: Its calls in order.
        trainable: Keras's flag; it decides the order of weights in a nested model.
        model: The nested model, for a model used as a layer.
        saved_class: The class's name as saved, after which Keras names its place in an archive.
        operation: Whether it is an operation, under Keras 3's name, and no layer.
        activation_of: For an activation with weights, the layer that it was split off; its weights are saved there.
        drops_mask: Whether no mask comes out of it in the Keras that wrote it, though one does in others.
        inner: The wrapped layers, for a wrapper: ``{"layer": ...}``, ``{"forward": ..., "backward": ...}``.
        storage: How the file has its weights.
        places: For a layer that another one holds: where else below that an archive may have it.
        same_as: For one that another one holds: the name of the layer that it is, whose weights are there once.
        is_base: For one that another one holds: whether it is that itself, as its base class has it.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    nodes: tuple[Node, ...] = ()
    trainable: bool = True
    model: ModelDef | None = None
    saved_class: str = ""
    operation: bool = False
    drops_mask: bool = False
    activation_of: str = ""
    inner: Mapping[str, LayerDef] = field(default_factory=dict)
    storage: Storage = PLAIN
    places: tuple[str, ...] = ()
    same_as: str = ""
    is_base: bool = False

    def in_place_of(self, wrapper: LayerDef, storage: Storage) -> LayerDef:
        """This layer under the name of its wrapper, with the wrapper's calls and its place in the file.

        Args:
            wrapper: The wrapper.
            storage: How the file has the weights of both.
        """
        return replace(
            self,
            name=wrapper.name,
            nodes=wrapper.nodes,
            trainable=wrapper.trainable,
            saved_class=wrapper.saved_class,
            storage=storage,
        )


@dataclass(frozen=True)
class ModelDef:
    """A model.

    Attributes:
        name: Keras's name.
        layers: In the file's order, InputLayers included.
        inputs: In the model's own order.
        outputs: In the model's own order.
        input_names: Keras's names of the inputs.
        output_names: Keras's names of the outputs.
        trainable: Keras's flag.
    """

    name: str
    layers: tuple[LayerDef, ...]
    inputs: tuple[TensorRef, ...]
    outputs: tuple[TensorRef, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    trainable: bool = True


def below(model: ModelDef, prefix: str) -> Iterator[tuple[str, LayerDef]]:
    """All layers of a model with their full names, those of models and wrappers in it included."""
    for layer in model.layers:
        yield from _within(layer, prefix)


def _within(layer: LayerDef, prefix: str) -> Iterator[tuple[str, LayerDef]]:
    key = prefix + layer.name
    yield key, layer
    if layer.model is not None:
        yield from below(layer.model, f"{key}/")
    for part in layer.inner.values():
        yield from _within(part, f"{key}/")


def each(model: ModelDef, prefix: str, change: Callable[[str, LayerDef], LayerDef]) -> ModelDef:
    """The model with all its layers changed, those of models and wrappers in it included."""

    def changed(layer: LayerDef, prefix: str) -> LayerDef:
        key = prefix + layer.name
        inner = {name: changed(part, f"{key}/") for name, part in layer.inner.items()}
        model = layer.model and each(layer.model, f"{key}/", change)
        return change(key, replace(layer, inner=inner, model=model) if inner or model else layer)

    return replace(model, layers=tuple(changed(layer, prefix) for layer in model.layers))


def keeps_batch(model: ModelDef) -> bool:
    """Whether Keras holds the model's batch size against its user: for states, and for constants of several rows."""
    return any(has_states(layer) or _has_rows(layer) for layer in model.layers)


def has_states(layer: LayerDef) -> bool:
    """Whether a layer, or one in it, keeps states from batch to batch."""
    parts = [*(layer.model.layers if layer.model else ()), *layer.inner.values()]
    return bool(layer.config.get("stateful")) or any(map(has_states, parts))


def _has_rows(layer: LayerDef) -> bool:
    constants = (arg for node in layer.nodes if layer.operation and not node.inputs for arg in node.args)
    return any(isinstance(value, list) and len(value) > 1 for value in constants)
