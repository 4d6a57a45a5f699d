"""Compares the outputs of the unchanged ONNX model, with all of ONNX Runtime's optimisations, end to end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.finite import has_finite_weights
from kerasport.layers.base import Value
from kerasport.reference import run_layers
from kerasport.validation.error import NOT_FINITE, OVERFLOW, ROUNDING, LayerError, Tolerance, failed, measure
from kerasport.validation.perturbation import Perturbation
from kerasport.validation.plan import Plan

Array = NDArray[Any]
Perturbed = Callable[[Value, Array], Array]
_PERTURBATIONS = 4  # as one draw of roundings may happen to cancel


def judge_ends(
    plan: Plan, inputs: Sequence[Array], final: Sequence[Array] | str, ends: Mapping[str, Array], tolerance: Tolerance
) -> list[LayerError]:
    """The error of each output.

    Args:
        plan: The model.
        inputs: What it was given.
        final: What the ONNX model gives, an array for each output, or why ONNX Runtime cannot run it.
        ends: What the reference gives, by the graph's value.
        tolerance: What is allowed.
    """
    graph = plan.graph
    if isinstance(final, str):
        names = zip(graph.output_names, graph.outputs, strict=True)
        return [failed(name, "output", ends[value.name].shape, final) for name, value in names]
    entries = [
        measure(name, "output", array, ends[value.name], tolerance.limit(array.dtype)).entry
        for name, value, array in zip(graph.output_names, graph.outputs, final, strict=True)
    ]
    if tolerance.by_numbers or all(entry.passed for entry in entries):
        return entries
    return _excused(plan, inputs, entries, tolerance.noises)


def _excused(plan: Plan, inputs: Sequence[Array], entries: list[LayerError], noises: float) -> list[LayerError]:
    """What the reference gets wrong as well, with all layers in float32 and roundings beside, is float32's fault."""
    values = dict(zip(plan.graph.output_names, (value.name for value in plan.graph.outputs), strict=True))
    overflows: set[str] = set()
    rounding: dict[str, float] = defaultdict(float)
    perturbed = Perturbation(plan.graph).perturbed
    for _ in range(_PERTURBATIONS):
        for value, (error, overflow) in _of_float32(plan, inputs, perturbed):
            rounding[value] = max(rounding[value], error)
            overflows |= {value} if overflow else set()
        excused = [_excuse(entry, values[entry.name], overflows, rounding, noises) for entry in entries]
        if all(entry.passed for entry in excused):
            break
    return excused


def _of_float32(plan: Plan, inputs: Sequence[Array], perturbed: Perturbed) -> Iterator[tuple[str, tuple[float, bool]]]:
    """What float32 makes of each output, roundings beside: the largest error, and whether finite weights overflow."""
    wanted = {value.name for value in plan.graph.outputs}
    with np.errstate(all="ignore"):
        beside = [perturbed(value, array) for value, array in zip(plan.graph.inputs, inputs, strict=True)]
        rounded = run_layers(plan.graph, beside, np.float32, perturbed)
        exact = run_layers(plan.graph, inputs, np.float64)
        for (call, singles), (_, doubles) in zip(rounded, exact, strict=True):
            for value, single, double in zip(call.outputs, singles, doubles, strict=True):
                if value.name in wanted and single.dtype.kind in "fiu":  # whole numbers may be places
                    overflow = not np.isfinite(single).all() and has_finite_weights(plan.graph)
                    error = np.abs(perturbed(value, single) - np.float64(double))
                    yield value.name, (float(error.max(initial=0.0)), overflow)


def _excuse(
    entry: LayerError, value: str, overflows: set[str], rounding: Mapping[str, float], noises: float
) -> LayerError:
    if entry.detail == NOT_FINITE and value in overflows:
        return replace(entry, max_abs=0.0, max_rel=0.0, mean_abs=0.0, passed=True, detail=OVERFLOW)
    if not entry.passed and not entry.detail and entry.max_abs <= noises * rounding.get(value, 0.0):
        return replace(entry, passed=True, detail=ROUNDING)
    return entry
