"""The comparison itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import FileError, InputError, NotAModelError
from kerasport.graph import Graph
from kerasport.loading import LoadedModel, load
from kerasport.states import with_states
from kerasport.validation.error import NOT_FINITE, OVERFLOW, ROUNDING, LayerError, Tolerance, measure

if TYPE_CHECKING:
    import onnx

    from kerasport.runtime import Session

Array = NDArray[Any]
SCHEMA = 1
_SMALL = 20_000
# How many times the error of the reference in float32 an error may be that float32 explains.
_ROUNDINGS = 4


@dataclass(frozen=True)
class Validation:
    """The result of a comparison.

    Attributes:
        layers: One entry per layer whose value stands in the ONNX model, in the order of the graph.
        outputs: One entry per output of the unchanged ONNX model.
        missing: Layers whose value does not stand in the ONNX model, because they were folded.
        tolerance: What was allowed.
    """

    layers: tuple[LayerError, ...]
    outputs: tuple[LayerError, ...]
    missing: tuple[str, ...]
    tolerance: Tolerance

    @property
    def passed(self) -> bool:
        """Whether everything is within tolerance."""
        return all(entry.passed for entry in (*self.layers, *self.outputs))

    @property
    def first_divergence(self) -> LayerError | None:
        """The first layer, or else output, that is not within tolerance."""
        return next((entry for entry in (*self.layers, *self.outputs) if not entry.passed), None)

    @property
    def worst(self) -> LayerError:
        """The entry with the largest error relative to its scale."""
        return max((*self.layers, *self.outputs), key=lambda entry: entry.max_rel)

    def verdict(self) -> str:
        """One sentence."""
        first = self.first_divergence
        if first is None:
            worst = self.worst
            overflows = [entry.name for entry in self.layers if entry.detail == OVERFLOW]
            more = f"; {OVERFLOW}, first at {overflows[0]}" if overflows else ""
            text = f"all {len(self.layers)} layers agree; the largest error is {worst.max_rel:.1e}, at {worst.name}"
            return text + more
        reason = first.detail or f"its error is {first.max_abs:.2g}, {first.max_rel:.1e} of its largest value"
        return f"the layer {first.name!r} is the first that diverges: {reason}"

    def to_json(self) -> dict[str, Any]:
        """The documented machine-readable form, ``schema`` 1."""
        first = self.first_divergence
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "first_divergence": first.name if first else None,
            **asdict(self),
        }


def validate(
    source: str | Path,
    onnx_path: str | Path,
    *,
    inputs: Sequence[Array] | Mapping[str, Array] | None = None,
    rtol: float = Tolerance.rtol,
    atol: float = Tolerance.atol,
    seed: int = 0,
    weights: str | Path | None = None,
    allow_keys: Sequence[str] = (),
    backend: str | None = None,
) -> Validation:
    """Compares an ONNX file with the NumPy reference of the Keras file that it was made from.

    Whether the states of stateful layers are inputs and outputs, the ONNX file says itself; generated inputs then
    include states, while with inputs of your own states are zero.

    Args:
        source: The Keras model file, or the architecture of one.
        onnx_path: The ONNX file.
        inputs: One array per model input, in order or by name; generated when None.
        rtol: Tolerance relative to each value.
        atol: Tolerance relative to the largest value of each layer's output.
        seed: For generated inputs.
        weights: A file of weights that were used, or of a whole model, of which only the weights were used.
        allow_keys: Config keys to accept although kerasport does not know them.
        backend: "theano" or "tensorflow", what a Keras 1 file was computed with; None goes by its weights' names.

    Raises:
        FileError: A file cannot be read.
        UnsupportedModelError: The Keras model has layers that are not supported.
        InputError: The inputs do not fit.
    """
    with load(source, weights=weights, allow_keys=allow_keys, backend=backend) as model:
        return compare(model, Path(onnx_path), inputs, Tolerance(rtol, atol), seed)


def compare(
    model: LoadedModel,
    onnx_path: Path,
    inputs: Sequence[Array] | Mapping[str, Array] | None = None,
    tolerance: Tolerance = Tolerance(),  # noqa: B008 (frozen)
    seed: int = 0,
) -> Validation:
    """``validate`` for a model that is already loaded."""
    from kerasport.runtime import Session

    proto = _load(onnx_path)
    graph = with_states(model.graph, "carry" if "kerasport.states" in _properties(proto) else "reset")
    plain = Session(onnx_path)
    _check_ends(graph, plain, onnx_path)
    if inputs is None:
        arrays, final = _tried(graph, plain, seed)
    else:
        arrays = _given(model.graph, graph, inputs)
        final = plain.run(arrays)
    places = _places(proto)
    instrumented = Session(_with_outputs(proto, {name for name, _ in places.values()}), optimize=False)
    actual = dict(zip((port.name for port in instrumented.outputs), instrumented.run(arrays), strict=True))
    return _measured(graph, arrays, final, actual, places, tolerance)


def _measured(
    graph: Graph,
    inputs: list[Array],
    final: list[Array],
    actual: Mapping[str, Array],
    places: Mapping[str, tuple[str, tuple[int, ...] | None]],
    tolerance: Tolerance,
) -> Validation:
    from kerasport.reference import run_layers

    layers: list[LayerError] = []
    missing: list[str] = []
    ends = {value.name: array for value, array in zip(graph.inputs, inputs, strict=True)}
    logical = {value: _logical(actual[name], perm) for value, (name, perm) in places.items() if name in actual}
    cut = {call.outputs[0].name for call in graph.calls if call.spec.cuts_to_whole_numbers} & set(logical)
    given = {name: logical[name] for name in cut}
    for call, arrays in run_layers(graph, inputs, np.float64, given):
        for value, expected in zip(call.outputs, arrays, strict=True):
            if any(value.name == output.name for output in graph.outputs):
                ends[value.name] = given.get(value.name, expected)
            if value.name in logical:
                slack = float(value.name in cut)
                kind = type(call.spec).__name__
                layers.append(measure(value.name, kind, logical[value.name], expected, tolerance, slack))
            else:
                missing.append(value.name)
    outputs = tuple(
        measure(name, "output", array, ends[value.name], tolerance)
        for name, value, array in zip(graph.output_names, graph.outputs, final, strict=True)
    )
    entries = _excused(graph, inputs, [*layers, *outputs])
    return Validation(tuple(entries[: len(layers)]), tuple(entries[len(layers) :]), tuple(missing), tolerance)


def _excused(graph: Graph, inputs: list[Array], entries: list[LayerError]) -> list[LayerError]:
    """What the reference in float32 does not get right either is float32's fault, not the translation's.

    It may overflow, or lose all digits, as the logarithm of what hardly differs from 1 does.
    """
    from kerasport.reference import run_layers

    if all(entry.passed for entry in entries):
        return entries
    overflows: set[str] = set()
    rounding: dict[str, float] = {}
    with np.errstate(all="ignore"):
        runs = zip(run_layers(graph, inputs, np.float32), run_layers(graph, inputs, np.float64), strict=True)
        for (call, singles), (_, doubles) in runs:
            for value, single, double in zip(call.outputs, singles, doubles, strict=True):
                if single.dtype.kind == "f":
                    overflows |= {value.name} if not np.isfinite(single).all() else set()
                    rounding[value.name] = float(np.abs(single - double).max(initial=0.0))
    ends = dict(zip(graph.output_names, (value.name for value in graph.outputs), strict=True))
    return [_excuse(entry, ends.get(entry.name, entry.name), overflows, rounding) for entry in entries]


def _excuse(entry: LayerError, value: str, overflows: set[str], rounding: Mapping[str, float]) -> LayerError:
    if entry.detail == NOT_FINITE and value in overflows:
        return replace(entry, max_abs=0.0, max_rel=0.0, mean_abs=0.0, passed=True, detail=OVERFLOW)
    if not entry.passed and not entry.detail and entry.max_abs <= _ROUNDINGS * rounding.get(value, 0.0):
        return replace(entry, passed=True, detail=ROUNDING)
    return entry


def _tried(graph: Graph, session: Session, seed: int) -> tuple[list[Array], list[Array]]:
    """Generated inputs that the model takes, and its outputs.

    Raises:
        InputError: It takes none of those that were tried.
    """
    from kerasport.validation.inputs import generate, trials

    refused: InputError | None = None
    for trial in trials(graph, _batch(graph)):
        arrays = generate(graph, trial, seed)
        try:
            return arrays, session.run(arrays)
        except InputError as error:
            refused = refused or error
    raise refused or InputError("No inputs were tried.")


def _batch(graph: Graph) -> int:
    """Three rows, so that three patterns of masks are seen; two where a row is as large as an image."""
    largest = max((prod(dim or 1 for dim in value.type.shape[1:]) for value in graph.inputs), default=0)
    return 3 if largest < _SMALL else 2


def _logical(array: Array, perm: tuple[int, ...] | None) -> Array:
    return array if perm is None else array.transpose(np.argsort(perm))


def _given(plain: Graph, graph: Graph, inputs: Sequence[Array] | Mapping[str, Array]) -> list[Array]:
    """The model's own inputs, with zeros for states, as in a first batch."""
    arrays = _ordered(plain, inputs)
    states = [value.type for value in graph.inputs[len(arrays) :]]
    return arrays + [
        np.zeros([len(arrays[0]), *(dim or 1 for dim in type_.shape[1:])], type_.dtype) for type_ in states
    ]


def _ordered(graph: Graph, inputs: Sequence[Array] | Mapping[str, Array]) -> list[Array]:
    names = [value.name for value in graph.inputs]
    if isinstance(inputs, Mapping):
        if set(inputs) != set(names):
            raise InputError(f"The model's inputs are {', '.join(names)}; given are {', '.join(inputs)}.")
        inputs = [inputs[name] for name in names]
    if len(inputs) != len(names):
        raise InputError(f"The model has {len(names)} inputs ({', '.join(names)}) and {len(inputs)} arrays are given.")
    return [np.asarray(array) for array in inputs]


def _load(path: Path) -> onnx.ModelProto:
    import onnx

    try:
        return onnx.load(str(path))
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist.") from error
    except Exception as error:
        raise NotAModelError(f"{path} is not an ONNX model: {error}") from error


def _check_ends(graph: Graph, session: Session, path: Path) -> None:
    if len(session.inputs) != len(graph.inputs) or len(session.outputs) != len(graph.outputs):
        raise InputError(
            f"{path} has {len(session.inputs)} inputs and {len(session.outputs)} outputs where the Keras model has"
            f" {len(graph.inputs)} and {len(graph.outputs)}: they are not the same model."
        )


def _properties(proto: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in proto.metadata_props}


def _places(proto: onnx.ModelProto) -> dict[str, tuple[str, tuple[int, ...] | None]]:
    """Where each layer's output stands in a model that kerasport made; nothing for other models."""
    raw = json.loads(_properties(proto).get("kerasport.layers", "{}"))
    produced = {name for node in proto.graph.node for name in node.output}
    return {
        layer: (place[0], tuple(place[1]) if len(place) > 1 else None)
        for layer, place in raw.items()
        if place[0] in produced
    }


def _with_outputs(proto: onnx.ModelProto, names: set[str]) -> bytes:
    """The model with these intermediate values as further outputs, serialised."""
    import onnx

    present = {output.name for output in proto.graph.output}
    changed = onnx.ModelProto()
    changed.CopyFrom(proto)
    for name in sorted(names - present):
        changed.graph.output.append(onnx.ValueInfoProto(name=name))
    return bytes(changed.SerializeToString())
