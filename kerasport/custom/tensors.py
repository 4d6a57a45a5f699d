"""Symbolic tensors: what a composed layer's function computes with, and what notes down each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Step, operation
from kerasport.layers.base import Shape, Spec, Value
from kerasport.layers.slots import Slot

Emit = Callable[[Spec, Sequence[Value]], tuple[Value, ...]]


class Tensor:
    """A tensor of a layer: its shape is known, its numbers are not; arithmetic on it becomes part of the model.

    It takes Python's operators and indices as Keras's tensors do, and the functions of ``ops``.

    Attributes:
        value: The graph's value.
        mask: The mask that comes with it in Keras, or None; operations drop it, layers pass it on or not.
    """

    __array_ufunc__ = None  # so that an array on the left side leaves an operator to the tensor on the right
    __hash__ = None  # type: ignore[assignment]  # ``==`` is an operation

    def __init__(self, value: Value, mask: Value | None, emit: Emit) -> None:
        self.value = value
        self._mask = mask
        self._emit = emit

    @property
    def shape(self) -> Shape:
        """The dimensions, batch first; None where a size is known only when the model runs."""
        return self.value.type.shape

    @property
    def rank(self) -> int:
        """The number of dimensions, batch included."""
        return self.value.type.rank

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self.value.type.dtype

    @property
    def mask(self) -> Tensor | None:
        """The mask that comes with it, a bool tensor, or None."""
        return None if self._mask is None else Tensor(self._mask, None, self._emit)

    def with_mask(self, mask: Tensor | None) -> Tensor:
        """The same tensor with another mask."""
        return Tensor(self.value, None if mask is None else mask.value, self._emit)

    def apply(self, spec: Spec, *others: Tensor) -> tuple[Tensor, ...]:
        """The outputs of a spec on this tensor and others."""
        outputs = self._emit(spec, [self.value, *(other.value for other in others)])
        return tuple(Tensor(output, None, self._emit) for output in outputs)

    def call(self, name: str, args: Sequence[Any], options: Mapping[str, Any]) -> Tensor | tuple[Tensor, ...]:
        """The result of an operation by Keras 3's class name; tensors may stand anywhere among its arguments."""
        inputs: list[Value] = []
        placed = [_with_slots(arg, inputs) for arg in args]
        named = {key: _with_slots(value, inputs) for key, value in options.items()}
        steps = operation(name, Arguments(placed, named, inputs, self._emit))
        made = tuple(Tensor(value, None, self._emit) for step in steps for value in self._made(step))
        return made if len(made) > 1 else made[0]

    def _made(self, step: Step | Value) -> tuple[Value, ...]:
        return (step,) if isinstance(step, Value) else self._emit(step.spec, step.inputs)

    def _one(self, name: str, *args: Any) -> Tensor:
        found = self.call(name, args, {})
        assert isinstance(found, Tensor)
        return found

    def __add__(self, other: Any) -> Tensor:
        return self._one("Add", self, other)

    def __radd__(self, other: Any) -> Tensor:
        return self._one("Add", other, self)

    def __sub__(self, other: Any) -> Tensor:
        return self._one("Subtract", self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return self._one("Subtract", other, self)

    def __mul__(self, other: Any) -> Tensor:
        return self._one("Multiply", self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return self._one("Multiply", other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return self._one("Divide", self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return self._one("Divide", other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return self._one("FloorDivide", self, other)

    def __mod__(self, other: Any) -> Tensor:
        return self._one("Mod", self, other)

    def __pow__(self, other: Any) -> Tensor:
        return self._one("Power", self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return self._one("Power", other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return self._one("Matmul", self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return self._one("Matmul", other, self)

    def __neg__(self) -> Tensor:
        return self._one("Negative", self)

    def __abs__(self) -> Tensor:
        return self._one("Absolute", self)

    def __invert__(self) -> Tensor:
        return self._one("LogicalNot", self)

    def __and__(self, other: Any) -> Tensor:
        return self._one("LogicalAnd", self, other)

    def __or__(self, other: Any) -> Tensor:
        return self._one("LogicalOr", self, other)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return self._one("Equal", self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return self._one("NotEqual", self, other)

    def __lt__(self, other: Any) -> Tensor:
        return self._one("Less", self, other)

    def __le__(self, other: Any) -> Tensor:
        return self._one("LessEqual", self, other)

    def __gt__(self, other: Any) -> Tensor:
        return self._one("Greater", self, other)

    def __ge__(self, other: Any) -> Tensor:
        return self._one("GreaterEqual", self, other)

    def __getitem__(self, index: Any) -> Tensor:
        return self._one("GetItem", self, index)

    def __iter__(self) -> Iterator[Tensor]:
        size = self.shape[0] if self.rank else None
        if size is None:
            raise LayerError("a tensor of unknown length is unpacked")
        return iter([self[place] for place in range(size)])

    def __bool__(self) -> bool:
        raise LayerError("a condition on a tensor's numbers cannot be decided here; use ops.where")

    def __repr__(self) -> str:
        return f"<Tensor {self.value.name} {self.dtype} {self.shape}>"


def _with_slots(argument: Any, inputs: list[Value]) -> Any:
    """An argument with a Slot for each tensor, which is put into ``inputs``; arrays become nested lists."""
    if isinstance(argument, Tensor):
        inputs.append(argument.value)
        return Slot(len(inputs) - 1)
    if isinstance(argument, list | tuple):
        return type(argument)(_with_slots(item, inputs) for item in argument)
    if isinstance(argument, np.ndarray | np.generic):
        return argument.tolist()
    if isinstance(argument, slice):
        return slice(*(_with_slots(part, inputs) for part in (argument.start, argument.stop, argument.step)))
    return argument


def first_tensor(arguments: Any) -> Tensor | None:
    """Any tensor among arguments, nested lists included."""
    if isinstance(arguments, Tensor):
        return arguments
    if isinstance(arguments, Mapping):
        arguments = list(arguments.values())
    if isinstance(arguments, list | tuple):
        return next((found for item in arguments if (found := first_tensor(item)) is not None), None)
    return None


Numbers = NDArray[Any] | Sequence[Any] | float | int
