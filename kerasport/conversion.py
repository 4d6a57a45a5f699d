"""``convert``: from a Keras model file to a validated ONNX file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from kerasport._version import __version__
from kerasport.assembly import sizes
from kerasport.checking import obstacles
from kerasport.custom.registry import CUSTOM
from kerasport.errors import MismatchError, UnsupportedModelError
from kerasport.finite import NotFinite, told_briefly
from kerasport.graph import Graph, State
from kerasport.loading import LoadedModel, Reading, load
from kerasport.onnxfile import notes
from kerasport.parts.cutting import WHOLE, Cut, cut
from kerasport.parts.states import with_states

if TYPE_CHECKING:
    from kerasport.export import OnnxModel
    from kerasport.validation import Validation


@dataclass(frozen=True)
class Conversion:
    """The result of a conversion.

    Attributes:
        path: The ONNX file.
        layers: Layer calls translated.
        nodes: ONNX nodes written.
        parameters: Weight values of the layers.
        size: Bytes written, external data included.
        opset: The ONNX opset.
        validation: The comparison with the reference, None if it was not requested.
        states: The inputs and outputs that carry states from batch to batch.
        not_finite: Weights with NaN or infinite values; they are written unchanged.
        assumed: For layers identified by class name alone, the package that they are assumed to be from.
    """

    path: Path
    layers: int
    nodes: int
    parameters: int
    size: int
    opset: int
    validation: Validation | None
    states: tuple[State, ...] = ()
    not_finite: tuple[NotFinite, ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict)

    def numbers(self) -> dict[str, int]:
        """The numbers of layers, nodes and parameters, the size and the opset, by name."""
        names = ("layers", "nodes", "parameters", "size", "opset")
        return {name: getattr(self, name) for name in names}


def convert(
    source: str | Path,
    target: str | Path,
    *,
    opset: int | None = None,
    fold: bool = True,
    validate: bool = True,
    chained: bool = False,
    states: str = "reset",
    inputs_as_nchw: bool | Collection[str] = False,
    outputs_as_nchw: bool = False,
    part: Cut = WHOLE,
    **reading: Unpack[Reading],
) -> Conversion:
    """Converts a Keras model file to an ONNX file.

    Args:
        source: The Keras model file or architecture.
        target: The ONNX file to write; above 2 GiB, its weights go to ``<target>.data`` (or ``<target>.1.data``).
        opset: The ONNX opset, 13 or later; None for the default.
        fold: Whether layers may be folded into their neighbours (BatchNormalization into Conv ...).
        validate: Whether to check the model and compare it with the NumPy reference before the target is written.
        chained: Whether the comparison also measures how errors accumulate from layer to layer.
        states: "reset": batches start from zero states; "carry": states become inputs and outputs of the model.
        inputs_as_nchw: The inputs that the ONNX model takes channels-first: names, or True for all that convolutions
            read. Predictor and ``validate`` still take Keras's order.
        outputs_as_nchw: Whether to return outputs channels-first if they are channels-first inside the ONNX graph.
        part: The part of the model to convert, with what is added to it, and new names.
        **reading: How the source is read; see ``kerasport.loading.Reading``.

    Raises:
        OptionError: There are no states to carry, no images, no such part, or the opset cannot be written.
        FileError: The source cannot be read or the target cannot be written.
        UnsupportedModelError: Some layers cannot be converted; nothing is written.
        MismatchError: ONNX Runtime and the reference disagree; nothing is written. The error holds the comparison.
    """
    with load(source, **reading) as model:
        if model.assembly.problems and not part:
            raise UnsupportedModelError(obstacles(model, opset))
        graph = with_states(cut(model, part), states)
        onnx_model = _translated(model, graph, opset, fold, inputs_as_nchw, outputs_as_nchw)
        with _placed(Path(target)) as (path, data):
            _write(model, onnx_model, part, path, data)
            size = sum(file.stat().st_size for file in path.parent.iterdir())
            validation = _validated(model, path, chained) if validate else None
            not_finite = model.not_finite
    return Conversion(
        path=Path(target),
        layers=len(graph.calls),
        nodes=len(onnx_model.nodes),
        parameters=graph.parameters,
        size=size,
        opset=onnx_model.opset,
        validation=validation,
        states=graph.states,
        not_finite=not_finite,
        assumed=_assumed(model),
    )


def _translated(
    model: LoadedModel,
    graph: Graph,
    opset: int | None,
    fold: bool,
    inputs_as_nchw: bool | Collection[str],
    outputs_as_nchw: bool,
) -> OnnxModel:
    """The part of a model in ONNX; what is refused is told with the commands for the model."""
    from kerasport.export import translate

    try:
        return translate(graph, opset, fold, inputs_as_nchw=inputs_as_nchw, outputs_as_nchw=outputs_as_nchw)
    except UnsupportedModelError as error:
        told = model.assembly.commands.completed(error.problems, model.assembly.layers)
        raise UnsupportedModelError(told) from error


@contextmanager
def _placed(target: Path) -> Iterator[tuple[Path, str]]:
    """A path to write a model to, and the name for its data file; the replaced model's data file is removed."""
    from kerasport.files import whole
    from kerasport.onnxfile.external import data_name, remove_other_data

    data, beside = data_name(target), False
    try:
        with whole(target) as path:
            yield path, data
            beside = path.with_name(data).exists()
    finally:
        if beside:
            remove_other_data(target)


def _assumed(model: LoadedModel) -> dict[str, str]:
    names = {key: record.definition.class_name for key, record in model.assembly.layers.items()}
    return {key: package for key, name in names.items() if (package := CUSTOM.assumed(name))}


def to_onnx_bytes(model: LoadedModel, states: str = "reset") -> bytes:
    """A loaded model as ONNX bytes, for running it in memory; ``states`` as in ``convert``."""
    from kerasport.export import translate
    from kerasport.export.writer import to_bytes

    model.saved.check()
    onnx_model = translate(with_states(model.graph, states))
    return to_bytes(onnx_model, metadata(model, onnx_model))


def metadata(model: LoadedModel, onnx_model: OnnxModel, part: Cut = WHOLE) -> Mapping[str, str]:
    """What an ONNX file says of the model, what was made of it, and where each layer's output is found in it."""
    layers = {name: notes.place(tensor.name, tensor.perm, tensor.mask) for name, tensor in onnx_model.layers.items()}
    states = {"kerasport.states": json.dumps(onnx_model.states)} if onnx_model.states else {}
    orders = {"kerasport.orders": json.dumps(onnx_model.orders)} if onnx_model.orders else {}
    return {
        "kerasport.version": __version__,
        "kerasport.layers": json.dumps(layers, separators=(",", ":")),
        "keras.version": model.saved.keras_version,
        "keras.backend": model.saved.backend,
        **states,
        **orders,
        **sizes.properties(model.sizes),
        **part.properties(),
    }


def _write(model: LoadedModel, onnx_model: OnnxModel, part: Cut, path: Path, data: str) -> None:
    """Writes the ONNX file; the digests are taken beside."""
    from concurrent.futures import ThreadPoolExecutor

    from kerasport.export.writer import write_file

    with ThreadPoolExecutor(1) as beside:
        digests = beside.submit(_digests, model)
        write_file(onnx_model, lambda: {**metadata(model, onnx_model, part), **digests.result()}, path, data)


def _digests(model: LoadedModel) -> Mapping[str, str]:
    """The digests of the files that the model was read from, which are as they were written."""
    model.saved.check()
    return {f"{what}.sha256": _sha256(files) for what, files in model.saved.files.items()}


def _sha256(files: Sequence[Path]) -> str:
    """The digest of a file; of several, a line each, as sha256sum prints them."""
    digests = [(_digest(path), path.name) for path in files]
    if len(digests) == 1:
        return digests[0][0]
    return "".join(f"{digest}  {name}\n" for digest, name in digests)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _validated(model: LoadedModel, path: Path, chained: bool) -> Validation:
    from kerasport.validation import Settings, compare
    from kerasport.validation.skeleton import read_skeleton

    read_skeleton(path).check()
    result = compare(model, path, settings=Settings(chained=chained))
    if not result.passed:
        whose = "This is a bug in kerasport; please report it."
        if result.not_finite:
            whose = f"That may be because {told_briefly(result.not_finite)}."
        raise MismatchError(
            f"The converted model does not compute what {model.saved.path} does: {result.verdict()}.",
            f"Nothing was written; --no-validate would write it anyway. {whose}",
            result,
        )
    return result
