"""Operations that stand in the graph beside layers: mask computations, first of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kerasport.layers.base import Spec, TensorType


@dataclass(frozen=True, kw_only=True)
class Op(Spec):
    """The base of operations; they carry no mask and take integers as they are."""

    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class NotEqualTo(Op):
    """``x != value``, elementwise; bool."""

    value: float

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape, bool."""
        return inputs[0].with_dtype("bool")


@dataclass(frozen=True, kw_only=True)
class AnyNotEqual(Op):
    """``any(x != value)`` over the last axis; bool."""

    value: float

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape without its last axis, bool."""
        return TensorType(inputs[0].shape[:-1], "bool")


@dataclass(frozen=True, kw_only=True)
class CastTo(Op):
    """The same values in another dtype."""

    dtype: str

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape in the new dtype."""
        return inputs[0].with_dtype(self.dtype)
