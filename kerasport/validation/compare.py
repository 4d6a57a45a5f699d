"""The comparison itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import InputError
from kerasport.graph import Graph
from kerasport.loading import LoadedModel, load
from kerasport.states import with_states
from kerasport.validation.error import NOT_FINITE, OVERFLOW, ROUNDING, LayerError, Tolerance, measure
from kerasport.validation.result import Validation

if TYPE_CHECKING:
    from kerasport.runtime import Session
    from kerasport.validation.skeleton import Skeleton

Array = NDArray[Any]
# Where a layer's output stands: the ONNX value, and the order in which its axes are stored there, None for Keras's own.
Places = Mapping[str, tuple[str, tuple[int, ...] | None]]
_PRECISIONS: dict[str, type[np.floating[Any]]] = {"float64": np.float64, "float32": np.float32}
_SMALL = 20_000
# How many times the error of the reference in float32 an error may be that float32 explains.
_ROUNDINGS = 4


@dataclass(frozen=True)
class Settings:
    """How a comparison is made.

    Attributes:
        seed: For generated inputs.
        batch: How many rows are generated; None for three, so that three patterns of masks are seen, or two where a
            row is as large as an image: a single row does not tell the batch from other axes of length 1.
        precision: What the reference computes in, "float64" or "float32".
        memory: About how many bytes those weights and values of the ONNX model may take that are held at a time.
    """

    seed: int = 0
    batch: int | None = None
    precision: str = "float64"
    memory: int = 128 << 20


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
    batch: int | None = None,
    precision: str = "float64",
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
        batch: How many rows are generated; None for three, or two where a row is as large as an image.
        precision: What the reference computes in, "float64" or "float32".

    Raises:
        FileError: A file cannot be read.
        UnsupportedModelError: The Keras model has layers that are not supported.
        InputError: The inputs do not fit.
    """
    settings = Settings(seed, batch, precision)
    with load(source, weights=weights, allow_keys=allow_keys, backend=backend) as model:
        return compare(model, Path(onnx_path), inputs, Tolerance(rtol, atol), settings)


def compare(
    model: LoadedModel,
    onnx_path: Path,
    inputs: Sequence[Array] | Mapping[str, Array] | None = None,
    tolerance: Tolerance = Tolerance(),  # noqa: B008 (frozen)
    settings: Settings = Settings(),
) -> Validation:
    """``validate`` for a model that is already loaded."""
    from kerasport.validation.segments import run_in_parts
    from kerasport.validation.skeleton import read_skeleton

    skeleton = read_skeleton(onnx_path)
    graph = with_states(model.graph, "carry" if "kerasport.states" in skeleton.properties else "reset")
    arrays, feeds, final = _run_whole(model.graph, graph, onnx_path, inputs, settings)
    places = _places(skeleton)
    actual = _Actual(run_in_parts(skeleton, feeds, _wanted(graph, arrays, places), settings.memory), places)
    return _measured(graph, arrays, final, actual, tolerance, _PRECISIONS[settings.precision])


def _run_whole(
    plain: Graph, graph: Graph, path: Path, inputs: Sequence[Array] | Mapping[str, Array] | None, settings: Settings
) -> tuple[list[Array], dict[str, Array], list[Array]]:
    """The inputs; the same by name, as the ONNX model takes them; what the unchanged file gives, fully optimised."""
    from kerasport.runtime import Session

    session = Session(path, once=True)
    _check_ends(graph, session, path)
    if inputs is None:
        arrays, final = _tried(graph, session, settings)
    else:
        arrays = _given(plain, graph, inputs)
        final = session.run(arrays)
    return arrays, session.feeds(arrays), final


class _Actual:
    """The ONNX model's values of the layers in Keras's axis order, each given up once all layers have read it."""

    def __init__(self, parts: Iterator[dict[str, Array]], places: Places) -> None:
        self._parts, self._places = parts, places
        self._held: dict[str, Array] = {}
        self._readers = Counter(name for name, _ in places.values())

    def __contains__(self, value: str) -> bool:
        return value in self._places

    def take(self, value: str) -> Array:
        """The value of a layer, which is then not asked for again."""
        name, perm = self._places[value]
        while name not in self._held:
            self._held |= next(self._parts)
        self._readers[name] -= 1
        array = self._held[name] if self._readers[name] else self._held.pop(name)
        return array if perm is None else array.transpose(np.argsort(perm))


def _measured(
    graph: Graph,
    inputs: list[Array],
    final: list[Array],
    actual: _Actual,
    tolerance: Tolerance,
    dtype: type[np.floating[Any]],
) -> Validation:
    from kerasport.reference import run_layers

    layers: list[LayerError] = []
    ends = {value.name: array for value, array in zip(graph.inputs, inputs, strict=True)}
    wanted = {value.name for value in graph.outputs}
    cut = {call.outputs[0].name for call in graph.calls if call.spec.cuts_to_whole_numbers}
    taken: dict[str, Array] = {}

    def given(name: str) -> Array | None:
        """Whole numbers that were cut from real ones are read as ONNX Runtime has them."""
        return taken.setdefault(name, actual.take(name)) if name in cut and name in actual else None

    for call, arrays in run_layers(graph, inputs, dtype, given):
        for value, expected in zip(call.outputs, arrays, strict=True):
            if value.name in wanted:
                ends[value.name] = taken.get(value.name, expected)
            if value.name in actual:
                array = taken.pop(value.name) if value.name in taken else actual.take(value.name)
                slack = float(value.name in cut)
                layers.append(measure(value.name, type(call.spec).__name__, array, expected, tolerance, slack))
    outputs = tuple(
        measure(name, "output", array, ends[value.name], tolerance)
        for name, value, array in zip(graph.output_names, graph.outputs, final, strict=True)
    )
    entries = _excused(graph, inputs, [*layers, *outputs])
    return Validation(tuple(entries[: len(layers)]), tuple(entries[len(layers) :]), tolerance)


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


def _tried(graph: Graph, session: Session, settings: Settings) -> tuple[list[Array], list[Array]]:
    """Generated inputs that the model takes, and its outputs.

    Raises:
        InputError: It takes none of those that were tried.
    """
    from kerasport.validation.inputs import generate, trials

    refused: InputError | None = None
    for trial in trials(graph, settings.batch or _batch(graph)):
        arrays = generate(graph, trial, settings.seed)
        try:
            return arrays, session.run(arrays)
        except InputError as error:
            refused = refused or error
    raise refused or InputError("No inputs were tried.")


def _batch(graph: Graph) -> int:
    """Three rows, so that three patterns of masks are seen; two where a row is as large as an image."""
    largest = max((prod(dim or 1 for dim in value.type.shape[1:]) for value in graph.inputs), default=0)
    return 3 if largest < _SMALL else 2


def _wanted(graph: Graph, inputs: list[Array], places: Places) -> dict[str, int]:
    """The ONNX values that the layers stand in, and about how many bytes each takes."""
    from kerasport.validation.inputs import sizes

    known = sizes(graph, inputs)
    wanted: dict[str, int] = {}
    for value, (name, _) in places.items():
        wanted[name] = max(wanted.get(name, 0), 4 * known.get(value, 0))
    return wanted


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


def _check_ends(graph: Graph, session: Session, path: Path) -> None:
    if len(session.inputs) != len(graph.inputs) or len(session.outputs) != len(graph.outputs):
        raise InputError(
            f"{path} has {len(session.inputs)} inputs and {len(session.outputs)} outputs where the Keras model has"
            f" {len(graph.inputs)} and {len(graph.outputs)}: they are not the same model."
        )


def _places(skeleton: Skeleton) -> Places:
    """Where each layer's output stands in a model that kerasport made; nothing for other models."""
    raw = json.loads(skeleton.properties.get("kerasport.layers", "{}"))
    produced = {name for node in skeleton.proto.graph.node for name in node.output}
    return {
        layer: (place[0], tuple(place[1]) if len(place) > 1 else None)
        for layer, place in raw.items()
        if place[0] in produced
    }
