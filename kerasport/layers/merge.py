"""Layers that merge several tensors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Dim, Emit, Shape, Spec, TensorType, Value, normalize_axis
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.operators import FilledLike, Join
from kerasport.layers.ops import Logical, ReduceAny, broadcast_shape
from kerasport.layers.products import require_wide


@frozen
class _Masked(Spec):
    """What merging layers have in common.

    Attributes:
        mask_rule: "and": the result's mask is true where all masks are, and inputs without one do not matter.
            "or": it is true where any is, and there is none where any input has none.
    """

    mask_rule: str = "or"
    float_only: ClassVar[bool] = False

    def _combined(self, masks: Sequence[Value | None], emit: Emit) -> Value | None:
        given = [mask for mask in masks if mask is not None]
        if not given or (self.mask_rule == "or" and len(given) < len(masks)):
            return None
        if len({mask.type.rank for mask in given}) > 1:
            raise LayerError("the masks of its inputs have different ranks")
        distinct = list(dict.fromkeys(given))
        return reduce(lambda one, other: emit(Logical(function=self.mask_rule), [one, other]), distinct)


@frozen
class _Merge(_Masked):
    """An elementwise operation on inputs that broadcast; those of lower rank get new axes of size 1 at axis 1."""

    @classmethod
    def parse(cls, config: Config) -> Self:
        """No keys but the dialect's."""
        return cls(mask_rule=config.choice("mask_rule", ("and", "or"), "or"))

    def infer(self, *inputs: TensorType) -> TensorType:
        """The broadcast shape; float32 where the dtypes differ."""
        rank = max(x.rank for x in inputs)
        shape = broadcast_shape(*(expanded_shape(x.shape, rank) for x in inputs))
        return TensorType(shape, merged_dtype(inputs))

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """By the rule."""
        return self._combined(masks, emit)


@LAYERS.register("Add")
@frozen
class Add(_Merge):
    """The sum."""


@LAYERS.register("Average")
@frozen
class Average(_Merge):
    """The mean."""

    float_only: ClassVar[bool] = True


@LAYERS.register("Subtract")
@frozen
class Subtract(_Merge):
    """The first of two inputs minus the second."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """The broadcast shape."""
        if len(inputs) != 2:
            raise LayerError(f"it subtracts two inputs and is given {len(inputs)}")
        return super().infer(*inputs)


@frozen
class _MaskedMerge(_Merge):
    """A merge whose result depends on the masks where the rule is "or" (from Keras 3.4 on).

    Keras goes by the masks of the inputs of full rank; those that it had to expand count as unmasked.
    """

    uses_mask: ClassVar[bool] = True

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """By the rule."""
        if self.mask_rule == "or":
            rank = max(x.type.rank for x in inputs)
            for mask, x in zip(masks, inputs, strict=True):
                if mask is not None and x.type.rank == rank and mask.type.rank != rank - 1:
                    raise LayerError(f"a mask of rank {mask.type.rank} for an input of rank {rank} is not supported")
        return super().output_mask(masks, inputs, emit)


@LAYERS.register("Multiply")
@frozen
class Multiply(_MaskedMerge):
    """The product; under the mask rule "or", masked factors count as 1, and steps that all inputs mask become 0."""


@LAYERS.register("Maximum")
@frozen
class Maximum(_MaskedMerge):
    """The largest value; under the mask rule "or" among the unmasked ones, where there are any."""


@LAYERS.register("Minimum")
@frozen
class Minimum(_MaskedMerge):
    """The smallest value; under the mask rule "or" among the unmasked ones, where there are any."""


@LAYERS.register("Concatenate")
@frozen
class Concatenate(_Masked):
    """The inputs one behind the other along an axis, which may be negative."""

    axis: int = -1

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: axis."""
        rule = config.choice("mask_rule", ("and", "or"), "or")
        return cls(axis=config.integer("axis", -1), mask_rule=rule)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The inputs' shape with the axis summed."""
        axis = normalize_axis(self.axis, inputs[0].rank)
        if len({x.rank for x in inputs}) > 1:
            raise LayerError(f"it joins inputs of different ranks, {[x.shape for x in inputs]}")
        rest = broadcast_shape(*((*x.shape[:axis], *x.shape[axis + 1 :]) for x in inputs))
        sizes = [x.shape[axis] for x in inputs]
        total: Dim = None if None in sizes else sum(size or 0 for size in sizes)
        return TensorType((*rest[:axis], total, *rest[axis:]), merged_dtype(inputs))

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """Along the last axis by the rule; along another, the masks joined, with ones for an input without."""
        if not any(masks):
            return None
        rank = inputs[0].type.rank
        axis = normalize_axis(self.axis, rank)
        if any(mask is not None and mask.type.rank != rank - 1 for mask in masks):
            raise LayerError(f"a mask on an input of rank {rank} that is not of rank {rank - 1} is not supported")
        if axis == rank - 1:
            return self._combined(masks, emit)
        ones = FilledLike(value=1.0, dtype="bool")
        filled = [mask or emit(ReduceAny(), [emit(ones, [x])]) for mask, x in zip(masks, inputs, strict=True)]
        return emit(Join(axis=axis), filled)


@LAYERS.register("Dot")
@frozen
class Dot(Spec):
    """The products of two inputs summed over one axis of each, sample by sample.

    Attributes:
        axes: One per input; may be negative.
        normalize: Whether each input is first divided by its Euclidean norm along its axis.
        batch_axes: Whether all axes before the last two are batch axes (before Keras 2.3), so that inputs of
            rank 4 give rank 4.
        floor: The smallest norm.
    """

    contracts: ClassVar[bool] = True

    axes: tuple[int, int]
    normalize: bool = False
    batch_axes: bool = False
    floor: float = 1e-7
    carries_mask: ClassVar[bool] = False

    def check_given(self, *inputs: TensorType) -> None:
        """Refuses what Keras's backends multiply differently."""
        super().check_given(*inputs)
        require_wide(inputs)

    def whole_dtype(self, given: str) -> str:
        """The inputs', unless these are divided by their norms."""
        return "" if self.normalize else given

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: axes (one for both, or a pair), normalize."""
        first, second = config.integers("axes", 2)
        return cls(
            axes=(first, second),
            normalize=config.flag("normalize"),
            batch_axes=config.flag("batch_axes"),
            floor=config.number("floor", 1e-7),
        )

    def contracted(self, *inputs: TensorType) -> tuple[int, int]:
        """The axes as non-negative numbers.

        Raises:
            LayerError: They are of different sizes, the batch, or otherwise not supported.
        """
        if len(inputs) != 2:
            raise LayerError(f"it multiplies two inputs and is given {len(inputs)}")
        first, second = (normalize_axis(axis, x.rank) for axis, x in zip(self.axes, inputs, strict=True))
        sizes = {inputs[0].shape[first], inputs[1].shape[second]} - {None}
        if 0 in (first, second) or len(sizes) > 1:
            raise LayerError(f"axes={list(self.axes)} do not fit inputs of the shapes {[x.shape for x in inputs]}")
        return first, second

    def stacks(self, *inputs: TensorType) -> bool:
        """Whether the axes between the batch and the last two are batch axes."""
        return self.batch_axes and max(x.rank for x in inputs) > 3

    def infer(self, *inputs: TensorType) -> TensorType:
        """What is left of the first input, then of the second; (batch, 1) where nothing is."""
        first, second = self.contracted(*inputs)
        x, y = inputs
        if self.stacks(x, y):
            if x.rank != y.rank or min(first, second) < x.rank - 2:
                raise LayerError(f"axes={list(self.axes)} of ranks {x.rank} and {y.rank} are not supported")
            left, right = (x.shape[2 * x.rank - 3 - first], y.shape[2 * y.rank - 3 - second])
            return x.with_shape((*broadcast_shape(x.shape[:-2], y.shape[:-2]), left, right))
        rest = [dim for axis, dim in enumerate(x.shape) if axis != first]
        rest += [dim for axis, dim in enumerate(y.shape) if axis not in (0, second)]
        return x.with_shape(rest if len(rest) > 1 else (*rest, 1))


def expanded_shape(shape: Shape, rank: int) -> Shape:
    """The shape brought to a rank with new axes of size 1 behind the batch."""
    return (*shape[:1], *[1] * (rank - len(shape)), *shape[1:])


def merged_dtype(inputs: Sequence[TensorType]) -> str:
    """The dtype that all inputs have, else float32."""
    dtypes = {x.dtype for x in inputs}
    return dtypes.pop() if len(dtypes) == 1 else "float32"


# The merges whose result may depend on the masks.
MaskedMerge = Multiply | Maximum | Minimum
