"""Composed layers in ONNX: only their weights."""

from __future__ import annotations

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import composed


@EXPORT.register(composed.Parameter)
def parameter(spec: composed.Parameter, b: Scope) -> Tensor:
    """An initializer."""
    return b.tensor(b.initializer(b.weight(spec.role), spec.role))


@EXPORT.register(composed.Composite)
def composite(spec: composed.Composite, b: Scope, *results: Tensor) -> tuple[Tensor, ...]:
    """The results as they are."""
    return results
