"""Activation functions as values: a canonical name with every parameter explicit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from kerasport.errors import LayerError, UnknownError

if TYPE_CHECKING:
    from kerasport.layers.base import TensorType
    from kerasport.layers.body import Body

# Canonical name -> its parameters with the defaults of the Keras 3 function of that name.
FUNCTIONS: dict[str, dict[str, float]] = {
    "linear": {},
    # inclusive: whether the threshold itself is kept, and what is kept has no lower bound (PlaidML's).
    "relu": {"negative_slope": 0.0, "max_value": float("inf"), "threshold": 0.0, "inclusive": 0.0},
    "softmax": {"axis": -1},
    "log_softmax": {"axis": -1},
    "sigmoid": {},
    "tanh": {},
    "softplus": {},
    "softsign": {},
    "elu": {"alpha": 1.0},
    "selu": {},
    "exponential": {},
    "hard_sigmoid": {"slope": 1 / 6, "offset": 0.5},
    "silu": {},
    "gelu": {"approximate": 0.0},
    "mish": {},
    "leaky_relu": {"negative_slope": 0.2},
    "relu6": {},
    "celu": {"alpha": 1.0},
    "glu": {"axis": -1},
    "hard_shrink": {"threshold": 0.5},
    "hard_silu": {},
    "hard_tanh": {},
    "log_sigmoid": {},
    "soft_shrink": {"threshold": 0.5},
    "sparse_plus": {},
    "sparse_sigmoid": {},
    "sparsemax": {"axis": -1},
    "squareplus": {"b": 4.0},
    "tanh_shrink": {},
    "thresholded_relu": {"theta": 1.0},
}


@dataclass(frozen=True)
class Function:
    """An activation function.

    Attributes:
        name: A key of FUNCTIONS.
        parameters: Its parameters as sorted (name, value) pairs.
        trace: For one that is composed of operations, and has a name of its own: what it does to a tensor of a type.
    """

    name: str
    parameters: tuple[tuple[str, float], ...] = ()
    trace: Callable[[TensorType], Body] | None = None

    def __getitem__(self, parameter: str) -> float:
        return dict(self.parameters)[parameter]

    @property
    def is_linear(self) -> bool:
        """Whether it changes nothing."""
        return self.name == "linear"

    @property
    def keeps_whole_numbers(self) -> bool:
        """Whether it is a ReLU that gives whole numbers for such, which Keras then leaves in their dtype."""
        if self.name == "relu":
            whole = self["max_value"] == inf or self["max_value"].is_integer()
            return whole and self["threshold"].is_integer() and not self["negative_slope"]
        return self.name == "relu6"

    @property
    def magnitude(self) -> float:
        """The size of the numbers that it rounds on the way, however small its value; 0 for that itself.

        What is left of the value does not make ONNX Runtime's error smaller. In units of 2**-24, version 1.32 is off by
        up to 13 for the gelu by tanh, whose ``1 + tanh`` cancels below zero, 1.4 for the one by erf, 2.8 for sigmoid
        (``1/2`` and a quotient), 40 for silu, as for a glu that multiplies about 16, 2 for selu, alpha for elu and
        celu, and 5.5 for ``x - tanh(x)``.
        """
        if self.name == "gelu":
            return 1.0 if self["approximate"] else 0.25
        return abs(self["alpha"]) / 8 if self.name in ("elu", "celu") else _MAGNITUDES.get(self.name, 0.0)

    @property
    def bends(self) -> tuple[float, ...]:
        """Where one formula ends and the next begins, in ascending order; none where that is nowhere, or not known."""
        return tuple(filter(isfinite, _BENDS[self.name](self))) if self.name in _BENDS else ()


_MAGNITUDES = {"glu": 2.0, "selu": 0.25, "sigmoid": 0.25, "silu": 2.0, "tanh_shrink": 0.5}
# Of those that are monotonic.
_BENDS: dict[str, Callable[[Function], tuple[float, ...]]] = {
    "celu": lambda f: (0,),
    "elu": lambda f: (0,),
    "hard_shrink": lambda f: (-f["threshold"], f["threshold"]),
    "hard_sigmoid": lambda f: (-f["offset"] / f["slope"], (1 - f["offset"]) / f["slope"]) if f["slope"] > 0 else (),
    "hard_tanh": lambda f: (-1, 1),
    "leaky_relu": lambda f: (0,),
    "relu": lambda f: (f["threshold"], f["max_value"]),
    "relu6": lambda f: (0, 6),
    "selu": lambda f: (0,),
    "soft_shrink": lambda f: (-f["threshold"], f["threshold"]),
    "sparse_plus": lambda f: (-1, 1),
    "sparse_sigmoid": lambda f: (-1, 1),
    "thresholded_relu": lambda f: (f["theta"],),
}
LINEAR = Function("linear")


def function(value: str | Mapping[str, Any] | Function | None) -> Function:
    """A canonical function from its name, or from a dict ``{"function": name, parameter: value}``.

    Raises:
        LayerError: There is no such function or parameter.
    """
    if value is None:
        return LINEAR
    if isinstance(value, Function):
        return value
    if isinstance(value, str):
        value = {"function": value}
    given = dict(value)
    name = given.pop("function", None)
    if name not in FUNCTIONS:
        known = isinstance(name, str) and name.startswith("Custom>") and name.removeprefix("Custom>") in FUNCTIONS
        what = "is a function of the model's author, which may differ from Keras's" if known else "is not supported"
        raise UnknownError(f"activation {str(name or value)[:80]!r} {what}", name=str(name or value), activation=True)
    unknown = set(given) - set(FUNCTIONS[name])
    if unknown:
        raise LayerError(f"activation {name!r} has no parameter {min(unknown)!r}")
    parameters = FUNCTIONS[name] | {key: _number(name, key, value) for key, value in given.items()}
    return Function(name, tuple(sorted(parameters.items())))


def _number(name: str, key: str, value: Any) -> float:
    if not isinstance(value, bool | int | float):
        raise LayerError(f"{key}={str(value)[:40]} of the activation {name!r} is not a number")
    return float(value)
