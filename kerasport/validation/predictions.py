"""Compares with predictions of the original Keras, which show which side is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import InputError
from kerasport.graph import Graph
from kerasport.validation.ends import judge_ends
from kerasport.validation.error import LayerError, Tolerance
from kerasport.validation.plan import Plan
from kerasport.validation.result import PREDICTION, Witness

Array = NDArray[Any]
_BOTH = (
    "the reference differs from them as well, and agrees with the ONNX model: they may come from other inputs, another"
    " preprocessing, other weights, or from training mode"
)
_ALL = "the reference differs from them as well, and from the ONNX model"
_ONNX = "the reference agrees with them: the ONNX model is wrong"
_REFERENCE = "the reference differs from the predictions that were given, and the ONNX model agrees with them"


def by_output(graph: Graph, given: Sequence[Array] | Mapping[str, Array] | None) -> dict[str, Array]:
    """The predictions by the name of the output.

    Args:
        graph: The model.
        given: One array per output, in order, or some by name.

    Raises:
        InputError: There are no such outputs.
    """
    names = graph.output_names
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        if len(given) != len(names):
            raise InputError(
                f"The model has {len(names)} outputs ({', '.join(names)}) and {len(given)} arrays are expected."
            )
        given = dict(zip(names, given, strict=True))
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InputError(f"The model has no output {unknown[0]!r}; it has {', '.join(names)}.")
    return {name: np.asarray(array) for name, array in given.items()}


def judge_predictions(
    plan: Plan,
    inputs: Sequence[Array],
    final: Sequence[Array],
    ends: Mapping[str, Array],
    expected: Mapping[str, Array],
    tolerance: Tolerance,
) -> tuple[list[LayerError], bool]:
    """The error of those outputs for which there are predictions.

    Args:
        plan: The model.
        inputs: What it was given.
        final: What the ONNX model gives, an array for each output.
        ends: What the reference gives, by the graph's value.
        expected: The predictions by the name of the output.
        tolerance: What is allowed.

    Returns:
        The entries, and whether the reference agrees with all predictions.

    Raises:
        InputError: Predictions have another shape than the outputs.
    """
    graph = plan.graph
    outputs = dict(zip(graph.output_names, graph.outputs, strict=True))
    for name, array in expected.items():
        shape = ends[outputs[name].name].shape
        if array.shape != shape:
            raise InputError(f"The output {name!r} has the shape {shape}; expected are arrays of {array.shape}.")
    reference = [ends[value.name] for value in graph.outputs]

    def judged(given: Sequence[Array]) -> list[LayerError]:
        named = zip(outputs.items(), given, strict=True)
        wanted = {value.name: expected.get(name, array) for (name, value), array in named}
        return judge_ends(plan, inputs, given, wanted, tolerance)

    entries = zip(judged(final), judged(reference), judge_ends(plan, inputs, final, ends, tolerance), strict=True)
    found = [(_told(*three), three[1].passed) for three in entries if three[0].name in expected]
    return [entry for entry, _ in found], all(right for _, right in found)


def _told(entry: LayerError, reference: LayerError, between: LayerError) -> LayerError:
    """The entry of the ONNX model, with what the reference makes of it.

    Args:
        entry: The ONNX model against the predictions.
        reference: The reference against them.
        between: The ONNX model against the reference.
    """
    if entry.passed:
        return replace(entry, class_name=PREDICTION, detail=entry.detail if reference.passed else _REFERENCE)
    both_wrong = _BOTH if between.passed else _ALL
    return replace(entry, class_name=PREDICTION, detail=_ONNX if reference.passed else both_wrong)


def decided(witness: Witness, entries: Sequence[LayerError], reference_right: bool) -> Witness:
    """Who stands alone, where the witnesses could not tell and just one side agrees with the predictions."""
    onnx_right = all(entry.passed for entry in entries)
    if witness.alone or not entries or onnx_right == reference_right:
        return witness
    alone, wrong = ("reference", "kerasport's reference") if onnx_right else ("translation", "the ONNX model")
    return replace(witness, alone=alone, text=f"{witness.text}; the predictions that were given say: {wrong} is wrong")
