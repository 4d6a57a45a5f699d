"""EinsumDense."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.activation import function_type
from kerasport.layers.base import Dim, Shape, Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.functions import LINEAR, Function
from kerasport.layers.stored import PLAIN, Layout, Stored

_FORM = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation without an ellipsis: a letter for each axis of the input, the kernel and the output."""

    input: str
    kernel: str
    output: str

    def __str__(self) -> str:
        return f"{self.input},{self.kernel}->{self.output}"

    @property
    def summed(self) -> str:
        """The letters of input and kernel that are not in the output, in the kernel's order."""
        return "".join(letter for letter in self.kernel if letter in self.input and letter not in self.output)

    @property
    def is_product(self) -> bool:
        """Whether it is a matrix product: each letter is summed, or in the output and just one of the operands."""
        operands = self.input + self.kernel
        letters = set(operands)
        once = all(operands.count(letter) + self.output.count(letter) == 2 for letter in letters)
        return once and set(self.output) <= letters and len(set(self.output)) == len(self.output) and bool(self.summed)


@LAYERS.register("EinsumDense", ignored="gptq_unpacked_column_size")
@frozen
class EinsumDense(Spec):
    """``activation(einsum(equation, x, kernel) + bias)``.

    Attributes:
        equation: Keras's text; an ellipsis stands for axes of the input that are in the output too.
        sizes: The output's sizes behind the batch, None for those of the input; without those of an ellipsis.
        bias_axes: The letters of the bias; "" for no bias.
        activation: Keras's ``activation``.
        stored: How the kernel is stored.
    """

    equation: str
    sizes: tuple[int | None, ...]
    bias_axes: str = ""
    activation: Function = LINEAR
    stored: Stored = PLAIN
    carries_mask: ClassVar[bool] = False
    quantizable: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: equation, output_shape, bias_axes, activation."""
        sizes = config.get("output_shape")
        sizes = [sizes] if isinstance(sizes, int) else sizes
        if not isinstance(sizes, list | tuple) or any(not isinstance(size, int | None) for size in sizes):
            raise LayerError(f"output_shape is {str(sizes)[:60]!r}")
        equation = str(config.get("equation")).replace(" ", "")
        if not _FORM.fullmatch(equation):
            raise LayerError(f"the equation {equation[:80]!r} is not supported")
        return cls(
            equation=equation,
            sizes=tuple(sizes),
            bias_axes=str(config.get("bias_axes", None) or ""),
            activation=config.activation(),
            stored=Stored.parse(config),
        )

    def letters(self, rank: int) -> Equation:
        """The equation for an input of this rank."""
        match = _FORM.fullmatch(self.equation)
        assert match is not None  # parse saw to it
        left, before, right, kernel, _, after, _ = match.groups()
        elided = rank - len(before)
        if elided < 0 or (elided and not (left or right)):
            raise LayerError(f"the equation {self.equation!r} does not fit an input of rank {rank}")
        free = "".join(letter for letter in _LETTERS if letter not in self.equation)[:elided]
        return Equation(free + before, kernel, free + after) if left else Equation(before + free, kernel, after + free)

    def dims(self, x: TensorType) -> dict[str, Dim]:
        """The size of each letter, for an input of this type."""
        equation = self.letters(x.rank)
        found: dict[str, Dim] = dict(zip(equation.input, x.shape, strict=True))
        elided = x.rank - len(re.sub(r"\.|,.*", "", self.equation))
        named = equation.output[elided:] if self.equation.startswith(".") else equation.output
        # The first size of the output is that of the batch, which Keras leaves out.
        sizes = self.sizes if self.equation.startswith(".") and elided else (None, *self.sizes)
        for letter, size in zip(named, sizes, strict=False):
            if found.get(letter) is None:
                found[letter] = size
            elif size not in (None, found[letter]):
                raise LayerError(f"output_shape {self.sizes} does not fit an input of shape {x.shape}")
        if unknown := set(equation.output + equation.kernel) - set(found):
            raise LayerError(f"the equation {self.equation!r} has the letter {min(unknown)!r} without a size")
        return found

    @property
    def last_function(self) -> Function:
        """Its activation."""
        return self.activation

    def layout(self, x: TensorType) -> Layout:
        """The kernel's, for an input of this type."""
        equation, dims = self.letters(x.rank), self.dims(x)
        return Layout(
            role="kernel",
            shape=tuple(dims[letter] for letter in equation.kernel),
            channels=tuple(equation.kernel.index(letter) for letter in equation.output if letter in equation.kernel),
            scale=tuple(dims[letter] if letter in equation.kernel else 1 for letter in equation.output),
            packed_axis=equation.kernel.index(equation.summed[0]) if equation.summed else 0,
        )

    def bias(self, x: TensorType) -> tuple[str, Shape] | None:
        """The letters of the output that the bias spans, and its shape, which has 1 where it has no letter."""
        if not self.bias_axes:
            return None
        equation, dims = self.letters(x.rank), self.dims(x)
        if not set(self.bias_axes) <= set(equation.output):
            raise LayerError(f"bias_axes {self.bias_axes!r} are not in the equation {self.equation!r}")
        spanned = equation.output[min(equation.output.index(letter) for letter in self.bias_axes) :]
        return spanned, tuple(dims[letter] if letter in self.bias_axes else 1 for letter in spanned)

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernel and bias, shaped by the equation."""
        bias = self.bias(inputs[0])
        return self.stored.roles(self.layout(inputs[0]), bias[1] if bias else None)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The sizes of the output's letters."""
        if self.stored.rounds_inputs and not self.letters(inputs[0].rank).is_product:
            raise LayerError(f"the equation {self.equation!r} is not supported with rounded inputs")
        return function_type(self.activation, self.before_activation(inputs[0]))

    def before_activation(self, x: TensorType) -> TensorType:
        """The type of what the activation is given."""
        dims = self.dims(x)
        return x.with_shape([dims[letter] for letter in self.letters(x.rank).output])
