"""Tests a plugin's layer in one call: compares the reference, ONNX Runtime and, if given, Keras's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport import dialect
from kerasport.assembly.assembler import assemble
from kerasport.assembly.evidence import Evidence
from kerasport.dialect.binding import bind
from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef
from kerasport.errors import InputError, MismatchError, UnsupportedModelError
from kerasport.graph import Graph
from kerasport.reader.weights import Weight

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class GivenWeight(Weight):
    """A weight that is already an array."""

    array: Array

    def read(self) -> Array:
        """The array."""
        return self.array


def check_layer(
    class_name: str,
    config: Mapping[str, Any],
    inputs: Array | Sequence[Array],
    *,
    weights: Mapping[str, Array] | Sequence[Array] = (),
    expected: Array | Sequence[Array] | None = None,
    mask: Array | None = None,
    keras_version: str = "3.0.0",
    opset: int | None = None,
    tolerance: float = 1e-4,
) -> list[Array]:
    """Computes a layer with its NumPy reference and with ONNX Runtime, and compares the results.

    Args:
        class_name: The layer's class as it appears in files; its plugin must have been imported or loaded.
        config: What ``get_config`` returns in Keras.
        inputs: The array, or several arrays, on which the layer is called; batch first.
        weights: Its weights in the order of ``get_weights`` in Keras, or by role.
        expected: What Keras returns for these: ``layer(inputs)``, or a list for several outputs.
        mask: The mask of the first input, bool.
        keras_version: The Keras whose defaults apply to the layers that it is composed of: "2.15.0", "2.2.4-tf" ...
        opset: The target ONNX opset; None for the default.
        tolerance: The allowed difference from the reference, relative to the largest value of the output.

    Returns:
        The reference's outputs.

    Raises:
        UnsupportedModelError: The layer is unknown, or refuses its options.
        DamagedFileError: The weights do not match those that the layer asks for.
        PluginError: The plugin fails.
        MismatchError: Shapes or values differ.
    """
    from kerasport import reference
    from kerasport.export import translate
    from kerasport.export.writer import to_bytes
    from kerasport.runtime.sessions import Session

    arrays = [np.asarray(array) for array in ([inputs] if isinstance(inputs, np.ndarray) else inputs)]
    given = arrays if mask is None else [*arrays, np.asarray(mask, np.bool_)]
    graph = _graph(class_name, config, arrays, mask is not None, weights, keras_version)
    computed = reference.run(graph, given, np.float64)
    model = to_bytes(translate(graph, opset), {"kerasport.version": "test"})
    found = Session(model, once=True).run(given)
    _compare_shapes(graph, computed)
    _compare("ONNX Runtime", computed, found, tolerance)
    if expected is not None:
        wanted = [np.asarray(array) for array in ([expected] if isinstance(expected, np.ndarray) else expected)]
        _compare("Keras", computed, wanted, tolerance)
    return computed


def _graph(
    class_name: str,
    config: Mapping[str, Any],
    arrays: Sequence[Array],
    masked: bool,
    weights: Mapping[str, Array] | Sequence[Array],
    keras_version: str,
) -> Graph:
    """The graph of a model of the one layer, with its weights."""
    part = partial(dialect.part, writer=dialect.writer(keras_version, "tensorflow"))
    name = str(config.get("name", "layer"))
    sources = [_input(f"input_{place}", array) for place, array in enumerate(arrays)]
    refs = tuple(TensorRef(source.name) for source in sources)
    node = Node(refs, TensorRef("mask") if masked else None)
    layer = replace(part(class_name, name, config), nodes=(node,))
    if masked:
        sources.append(_input("mask", np.ones(arrays[0].shape[:2], np.bool_)))
    names = tuple(source.name for source in sources)
    outputs = (TensorRef(name),)
    model = ModelDef(name, (*sources, layer), tuple(map(TensorRef, names)), outputs, names, (name,))
    stored = _stored(weights)
    shapes = [(name, weight.shape) for name, weight in stored]
    assembly = assemble(model, part=part, evidence=Evidence(stored=lambda parts, key: shapes if key == name else ()))
    if assembly.problems:
        raise UnsupportedModelError(assembly.problems)
    leaves = list(assembly.leaves(layer, name, True))
    bound = bind(name, stored, leaves) if leaves else {}
    layers = {key: replace(found, weights=bound.get(key, {})) for key, found in assembly.graph.layers.items()}
    return replace(assembly.graph, layers=layers)


def _stored(weights: Mapping[str, Array] | Sequence[Array]) -> list[tuple[str, Weight]]:
    """Arrays as a file has weights; without names, their order decides."""
    named = weights.items() if isinstance(weights, Mapping) else enumerate(weights)
    arrays = [(str(name), np.asarray(array)) for name, array in named]
    return [(name, GivenWeight(name, array.shape, array.dtype, array)) for name, array in arrays]


def _input(name: str, array: Array) -> LayerDef:
    config = {"batch_shape": (None, *array.shape[1:]), "dtype": str(array.dtype)}
    return LayerDef(name, "InputLayer", config, (Node(()),))


def _compare_shapes(graph: Graph, computed: Sequence[Array]) -> None:
    for value, array in zip(graph.outputs, computed, strict=True):
        fits = len(array.shape) == value.type.rank and all(
            want in (None, have) for want, have in zip(value.type.shape, array.shape, strict=True)
        )
        if not fits:
            raise MismatchError(f"The reference returns the shape {array.shape}, but infer says {value.type.shape}.")


def _compare(who: str, computed: Sequence[Array], others: Sequence[Array], tolerance: float) -> None:
    if len(others) != len(computed):
        raise InputError(f"The layer has {len(computed)} outputs, but {who} returns {len(others)}.")
    for place, (array, other) in enumerate(zip(computed, others, strict=True)):
        if array.shape != other.shape:
            raise MismatchError(f"Output {place}: {who} returns the shape {other.shape}, the reference {array.shape}.")
        scale = float(np.abs(array.astype(np.float64)).max(initial=0.0)) or 1.0
        error = float(np.abs(array.astype(np.float64) - other.astype(np.float64)).max(initial=0.0)) / scale
        if not error <= tolerance:
            raise MismatchError(f"Output {place}: {who} and the reference differ by {error:.1e} of its largest value.")
