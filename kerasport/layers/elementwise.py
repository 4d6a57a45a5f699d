"""Elementwise operations of one tensor, and the choice between two."""

from __future__ import annotations

from typing import Any

from kerasport.layers.activation import function_type
from kerasport.layers.base import TensorType
from kerasport.layers.frozen import frozen
from kerasport.layers.functions import Function
from kerasport.layers.operators import Literal
from kerasport.layers.ops import Op, broadcast_shape, promoted

# Functions that keep whole numbers; the others are given float32.
EXACT = frozenset(["abs", "negative", "sign", "square", "clip"])
TESTS = frozenset(["isnan", "isfinite", "isinf"])
FLOATING = frozenset(
    [
        "exp",
        "expm1",
        "exp2",
        "log",
        "log1p",
        "log2",
        "log10",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "floor",
        "ceil",
        "round",
        "trunc",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "asin",
        "acos",
        "atan",
        "asinh",
        "acosh",
        "atanh",
        "erf",
        "erfc",
        "erfinv",
        "cbrt",
        "i0",
        "i0e",
        "nan_to_num",
    ]
)


@frozen
class Unary(Op):
    """A function of each value.

    Attributes:
        function: One of EXACT, TESTS (which give bool) or FLOATING; ``round`` goes to the even one of two neighbours,
            ``i0`` is Bessel's modified function and ``i0e`` that times ``exp(-|x|)``.
        parameters: For ``clip`` the bounds, for ``nan_to_num`` what replaces nan, infinity and minus infinity.
    """

    function: str
    parameters: tuple[float, ...] = ()

    @property
    def widens(self) -> bool:
        """It calculates."""
        return True

    @property
    def magnitude(self) -> float:
        """For ``exp(x) - 1`` and ``log(1 + x)``, which ONNX computes just so: the 1, however small the rest."""
        return 0.125 if self.function in ("expm1", "log1p") else 0.0

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type; bool for tests, and int32 for the square of bool."""
        if self.function == "square" and inputs[0].dtype == "bool":
            return inputs[0].with_dtype("int32")
        return inputs[0].with_dtype("bool" if self.function in TESTS else inputs[0].dtype)


@frozen
class Activated(Op):
    """An activation function as an operation."""

    activation: Function

    @property
    def last_function(self) -> Function:
        """Its activation."""
        return self.activation

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type; ``glu`` halves its axis."""
        return function_type(self.activation, inputs[0])


@frozen
class Where(Op):
    """``yes`` where the first input is true, else ``no``, broadcast as NumPy does.

    Attributes:
        yes: A constant, or None for an input.
        no: The same.
    """

    yes: Literal = None
    no: Literal = None

    @property
    def constants(self) -> list[Any]:
        """The constant sides."""
        return [side for side in (self.yes, self.no) if side is not None]

    def operand_dtype(self, *inputs: TensorType) -> str:
        """What both sides are: float32 where one of them is fractional; constants take a tensor's dtype, but bool's."""
        given, constants = {x.dtype for x in inputs[1:]}, {_dtype(constant) for constant in self.constants}
        if "float32" in given | constants:
            return "float32"
        return promoted(given | constants if given <= {"bool"} else given)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The broadcast shape."""
        shape = broadcast_shape(*(x.shape for x in inputs), *(_shape(constant) for constant in self.constants))
        return TensorType(shape, self.operand_dtype(*inputs))


def _shape(constant: Literal) -> tuple[int, ...]:
    return (len(constant), *_shape(constant[0])) if isinstance(constant, tuple) and constant else ()


def _dtype(constant: Literal) -> str:
    if isinstance(constant, tuple):
        return "float32" if any(_dtype(item) == "float32" for item in constant) else "int32"
    return "bool" if isinstance(constant, bool) else "int32" if isinstance(constant, int) else "float32"
