"""Quantised and low-rank kernels decoded, and products with quantised inputs, in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.export.arrays import Lazy, combine
from kerasport.export.builder import Scope
from kerasport.export.ops import ONNX_TYPES, reduce
from kerasport.layers.base import Shape
from kerasport.layers.stored import EPSILON, GROUPED, Layout, Stored, check_groups

_Array = NDArray[Any]
_FLOAT8E4M3FN = 17


@dataclass(frozen=True)
class Kernel:
    """A layer's kernel, to be taken as a matrix.

    Attributes:
        b: The layer's scope.
        stored: The form in which it is stored.
        layout: Its shape.
        arranged: Brings an array of the kernel's shape to (summed, channels).
        columns: The kernel's axes of channels in the order of the columns.
    """

    b: Scope
    stored: Stored
    layout: Layout
    arranged: Callable[[Lazy], Lazy]
    columns: tuple[int, ...]

    def product(self, x: str, rank: int, bias: Lazy | None = None) -> str:
        """``x @ kernel + bias`` over the last axis of a value of this rank; Gemm where that is enough."""
        b, added = self.b, "" if bias is None else self.b.initializer(rounded_bias(self.stored, bias), "bias")
        if self.stored.rounds_inputs:
            y = self._rounded(x)
        else:
            matrix = b.initializer(self.arranged(effective(b, self.stored, self.layout)), self.layout.role)
            value = float8(b, x) if self.stored.mode == "float8" else x
            if rank == 2 and added:
                return b.op("Gemm", value, matrix, added)
            y = b.op("MatMul", value, matrix)
        return b.op("Add", y, added) if added else y

    def _rounded(self, x: str) -> str:
        """``round(x * s) @ q / (s * scale)`` in whole numbers, with ``s`` from the largest feature."""
        b = self.b
        largest = reduce(b, "ReduceMax", b.op("Abs", x), [-1], keepdims=True)
        scale = b.op("Div", b.constant(127.0, "levels"), b.op("Add", largest, b.constant(EPSILON, "epsilon")))
        whole = b.op("Cast", b.op("Round", b.op("Mul", x, scale)), to=ONNX_TYPES["int8"])
        numbers = b.initializer(self.arranged(integers(b, self.stored, self.layout)), self.layout.role)
        sums = b.op("Cast", b.op("MatMulInteger", whole, numbers), to=ONNX_TYPES["float32"])
        y = b.op("Div", sums, b.op("Mul", scale, b.initializer(self._scales(), "scale")))
        if not has_factors(b, self.layout):
            return y
        factors = b.initializer(self.arranged(low_rank(b, self.stored, self.layout)), "low_rank")
        return b.op("Add", y, b.op("MatMul", x, factors))

    def _scales(self) -> Lazy:
        """A scale for each column."""
        scale = self.b.weight(f"{self.layout.role}_scale")
        sizes = [self.layout.shape[axis] or 1 for axis in self.layout.channels]
        order = [self.layout.channels.index(axis) for axis in self.columns]
        return scale.reshape(*sizes).transpose(*order).reshape(scale.size)


def rounded_bias(stored: Stored, bias: Lazy) -> Lazy:
    """The bias, which float8 layers round to bfloat16."""
    return bias.map("bfloat16", _bfloat16, bias.shape) if stored.mode == "float8" else bias


def effective(b: Scope, stored: Stored, layout: Layout) -> Lazy:
    """The kernel in float32, its low-rank factors merged."""
    role = layout.role
    if stored.mode == "plain" and not has_factors(b, layout):
        return b.weight(role)
    names = [role] if stored.mode == "plain" else [role, f"{role}_scale"]
    if stored.block or stored.mode in GROUPED:
        names += [f"{role}_zero", "g_idx"] + ["awq_scales"] * (stored.mode == "awq")
    factors = [f"lora_{role}_a", f"lora_{role}_b"] if has_factors(b, layout) else []
    shape = whole_shape(b, layout)

    def load(*arrays: _Array) -> _Array:
        found = dict(zip([*names, *factors], arrays, strict=True))
        whole = _dequantised(stored, layout, found, shape)
        return whole + _low_rank(stored, found, role) if factors else whole

    arrays = [b.weight(name) for name in (*names, *factors)]
    return combine(("effective", stored, layout), load, arrays, shape)


def integers(b: Scope, stored: Stored, layout: Layout) -> Lazy:
    """The kernel's int8 or int4 values as int8, in its shape."""
    packed, shape = b.weight(layout.role), whole_shape(b, layout)
    if stored.mode == "int8":
        return packed
    return packed.map(("int4", stored, layout), lambda array: _unpacked(stored, layout, array, shape), shape)


def low_rank(b: Scope, stored: Stored, layout: Layout) -> Lazy:
    """What the low-rank factors add to the kernel."""
    names = [f"lora_{layout.role}_a", f"lora_{layout.role}_b"]

    def load(*arrays: _Array) -> _Array:
        return _low_rank(stored, dict(zip(names, arrays, strict=True)), layout.role)

    return combine(("low_rank", stored), load, [b.weight(name) for name in names], whole_shape(b, layout))


def has_factors(b: Scope, layout: Layout) -> bool:
    """Whether the file has low-rank factors; in archives they are merged."""
    return f"lora_{layout.role}_a" in b.builder.graph.weights_of(b.call)


def float8(b: Scope, x: str) -> str:
    """``e4m3(x / scale) * scale``: Cast from opset 19 on; by the step between neighbours before."""
    scale = b.initializer(b.weight("inputs_scale"), "inputs_scale")
    y = b.op("Div", x, scale)
    if b.opset >= 19:
        y = b.op("Cast", b.op("Cast", y, to=_FLOAT8E4M3FN), to=ONNX_TYPES["float32"])
        return b.op("Mul", y, scale)
    y = b.op("Clip", y, b.constant(-448.0, "low"), b.constant(448.0, "high"))
    size = b.op("Unsqueeze", b.op("Abs", y), b.constant([-1], "last"))
    bounds = b.constant(np.exp2(np.arange(-5, 9)).astype(np.float32), "powers")
    reached = b.op("Cast", b.op("GreaterOrEqual", size, bounds), to=ONNX_TYPES["float32"])
    steps = reduce(b, "ReduceSum", reached, [-1], keepdims=False)
    step = b.op("Mul", b.op("Pow", b.constant(2.0, "two"), steps), b.constant(2.0**-9, "smallest"))
    y = b.op("Mul", b.op("Round", b.op("Div", y, step)), step)
    return b.op("Mul", y, scale)


def whole_shape(b: Scope, layout: Layout) -> tuple[int, ...]:
    """The kernel's, which the weights tell where the input does not."""
    if has_factors(b, layout):
        first, last = (b.weight(f"lora_{layout.role}_{factor}").shape for factor in "ab")
        return (*first[:-1], last[-1])
    if None in layout.shape:
        return b.weight(layout.role).shape
    return tuple(dim or 0 for dim in layout.shape)


def _dequantised(stored: Stored, layout: Layout, found: dict[str, _Array], shape: tuple[int, ...]) -> _Array:
    array, role = found[layout.role], layout.role
    if stored.mode == "plain":
        return array
    if stored.mode == "float8":
        return _float8(array, found["kernel_scale"])
    scale = found[f"{role}_scale"]
    if stored.mode in GROUPED:
        return _degrouped(stored, found).reshape(shape)
    if not stored.block:
        numbers = array if stored.mode == "int8" else _unpacked(stored, layout, array, shape)
        return np.asarray(numbers.astype(np.float32) / _spread(scale, layout, shape))
    numbers = _unpacked(stored, layout, array, shape).reshape([dim or -1 for dim in layout.matrix])
    groups = _groups(found, scale.shape[layout.grouped_axis])
    zero, scale = (np.take(part, groups, axis=layout.grouped_axis) for part in (found[f"{role}_zero"], scale))
    return np.asarray((numbers - zero.astype(np.float32)) * scale).reshape(shape)


def _degrouped(stored: Stored, found: dict[str, _Array]) -> _Array:
    """The matrix (summed, channels) of gptq and awq."""
    scale, zero = found["kernel_scale"], found["kernel_zero"]
    groups = _groups(found, scale.shape[1])
    numbers = found["kernel"].T.astype(np.float32)
    if stored.nibbles:
        bytes_ = found["kernel"].T
        numbers = np.stack([bytes_ & 15, bytes_ >> 4], axis=-1).reshape(len(bytes_), -1)[:, : len(scale)]
    matrix = (numbers - zero.T[groups].astype(np.float32)) * scale.T[groups]
    return np.asarray(matrix / found["awq_scales"][:, None] if stored.mode == "awq" else matrix)


def _groups(found: dict[str, _Array], count: int) -> _Array:
    groups = found["g_idx"].astype(np.int64)
    check_groups(int(groups.min(initial=0)), int(groups.max(initial=0)), count)
    return groups


def _unpacked(stored: Stored, layout: Layout, packed: _Array, shape: tuple[int, ...]) -> _Array:
    if stored.packs_rows:
        return _nibbles(packed, layout.packed_axis, shape[layout.packed_axis])
    return _nibbles(packed, 1, layout.matrix[1]).reshape(shape)


def _nibbles(packed: _Array, axis: int, size: int | None) -> _Array:
    """Values of 4 bits, sign and all, two from each byte: the low half, then the high one."""
    moved = np.moveaxis(packed.astype(np.int8), axis, -1)
    pairs = np.stack([np.left_shift(moved, 4) >> 4, moved >> 4], axis=-1)
    return np.moveaxis(pairs.reshape(*moved.shape[:-1], -1)[..., :size], -1, axis)


def _spread(scale: _Array, layout: Layout, shape: tuple[int, ...]) -> _Array:
    """The scales with an axis for each axis of the kernel."""
    order: Sequence[int] = sorted(range(len(layout.channels)), key=lambda i: layout.channels[i])
    ordered = scale.reshape([shape[axis] for axis in layout.channels]).transpose(order)
    sizes: Shape = tuple(size if axis in layout.channels else 1 for axis, size in enumerate(shape))
    return ordered.reshape([size or 1 for size in sizes])


def _low_rank(stored: Stored, found: dict[str, _Array], role: str) -> _Array:
    return np.asarray(np.float32(stored.factor) * (found[f"lora_{role}_a"] @ found[f"lora_{role}_b"]))


def _float8(x: _Array, scale: _Array) -> _Array:
    """``e4m3(x / scale) * scale``: 3 bits behind the leading one, or steps of 1/512 where those are larger."""
    y = np.clip(x / scale, -448, 448).astype(np.float32)
    exponents = np.floor(np.log2(np.maximum(abs(y), 2.0**-6)))
    step = np.exp2(exponents - 3).astype(np.float32)
    return np.asarray(np.rint(y / step) * step * scale)


def _bfloat16(x: _Array) -> _Array:
    """Rounded to the upper half of its bits, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.astype(np.uint32).view(np.float32).reshape(x.shape)
