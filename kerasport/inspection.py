"""``inspect``: the contents of a model file, from its metadata alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Unpack

from kerasport.checking import obstacles
from kerasport.custom.registry import CUSTOM
from kerasport.dialect.model import LayerDef
from kerasport.errors import DamagedFileError, Problem
from kerasport.graph import parameters
from kerasport.layers.base import Shape
from kerasport.loading import LoadedModel, Reading, load_architecture

SCHEMA = 1


@dataclass(frozen=True)
class LayerRow:
    """One layer of the table.

    Attributes:
        name: The layer's name, prefixed by the names of the models around it.
        class_name: The Keras class.
        output_shapes: The output shapes of its first call; empty if they could not be inferred.
        parameters: Its number of weight values.
        inputs: The layers that feed its first call.
        convertible: Whether it can be converted.
        problem: Why not, or "".
        function: The function of a Lambda as text, as far as it can be read; "" for any other layer.
        origin: Where a layer that is not Keras's is defined: a package, or a plugin's file and line.
    """

    name: str
    class_name: str
    output_shapes: tuple[Shape, ...]
    parameters: int
    inputs: tuple[str, ...]
    convertible: bool
    problem: str
    function: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Inspection:
    """The contents of a model file.

    Attributes:
        path: The file.
        weights: The separate weight file, if one was given.
        size: The size of all files in bytes.
        name: The model's name.
        keras_version: The version of Keras that wrote the file, "" if the file does not say.
        backend: The backend of that Keras, "" if the file does not say.
        inputs: Names, shapes and dtypes of the inputs.
        outputs: Names, shapes and dtypes of the outputs.
        layers: One row per layer.
        parameters: The total number of weight values.
        convertible: Whether the model can be converted.
        problems: Every reason why not.
        damaged: Whether the weights do not match the config.
        missing_weights: For an architecture alone, how to give its weights, which are taken to fit; otherwise "".
    """

    path: Path
    weights: Path | None
    size: int
    name: str
    keras_version: str
    backend: str
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    layers: tuple[LayerRow, ...]
    parameters: int
    convertible: bool
    problems: tuple[Problem, ...]
    damaged: bool = False
    missing_weights: str = ""

    def to_json(self) -> dict[str, Any]:
        """The documented machine-readable form, ``schema`` 1."""
        return {
            "schema": SCHEMA,
            **asdict(self),
            "path": str(self.path),
            "weights": str(self.weights) if self.weights else None,
        }


def inspect(path: str | Path, **reading: Unpack[Reading]) -> Inspection:
    """Reads a model file's metadata, but no weight values.

    Args:
        path: The Keras model file or architecture.
        **reading: How it is read; see ``kerasport.loading.Reading``.

    Raises:
        FileError: The file cannot be read as a Keras model.
        WeightsOnlyError: It holds weights without a model; the error lists them.
    """
    weights = reading.get("weights")
    with load_architecture(path, **reading) as model:
        problems, damaged = _problems(model)
        graph = model.assembly.graph
        known = {problem.layer: problem.what for problem in problems}
        rows = tuple(
            LayerRow(
                name=record.key,
                class_name=record.definition.class_name,
                output_shapes=tuple(type_.shape for type_ in record.outputs),
                parameters=parameters(record.roles),
                inputs=record.inputs,
                convertible=record.key not in known,
                problem=known.get(record.key, ""),
                function=_function(record.definition),
                origin=CUSTOM.source(record.definition.class_name),
            )
            for record in model.assembly.layers.values()
        )
        return Inspection(
            path=Path(path),
            weights=None if weights is None else Path(weights),
            size=sum(file.stat().st_size for files in model.saved.files.values() for file in files),
            name=graph.name,
            keras_version=model.saved.keras_version,
            backend=model.saved.backend,
            inputs=tuple({"name": v.name, "shape": v.type.shape, "dtype": v.type.dtype} for v in graph.inputs),
            outputs=tuple(
                {"name": name, "shape": v.type.shape, "dtype": v.type.dtype}
                for name, v in zip(graph.output_names, graph.outputs, strict=False)
            ),
            layers=rows,
            parameters=sum(row.parameters for row in rows),
            convertible=not problems,
            problems=problems,
            damaged=damaged,
            missing_weights=model.saved.lacks_weights.hint if model.saved.lacks_weights else "",
        )


def _function(layer: LayerDef) -> str:
    if layer.class_name != "Lambda":
        return ""
    from kerasport.lambdas.layer import described

    return described(layer.config["function"])


def _problems(model: LoadedModel) -> tuple[tuple[Problem, ...], bool]:
    """What stands in the way of a conversion; and whether that is weights that do not fit."""
    try:
        return obstacles(model), False
    except DamagedFileError as error:
        return (Problem("(weights)", error.message, error.hint),), True
