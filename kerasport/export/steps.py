"""The steps of a sequence as ONNX's recurrent operators need them: time first, packed if there is a mask.

ONNX's operators know no masks, only how many steps of each row count. So each row's steps that count are moved
to the front, in their order; the operator stops behind them and leaves zeros there; and each step of the
result is looked up where its value stands. This is exact for every pattern, rows without any step included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasport.export.builder import Scope
from kerasport.export.layout import Form, Tensor
from kerasport.export.ops import ONNX_TYPES, slice_, truth, unsqueeze
from kerasport.layers.base import TensorType, Value

TIME_MAJOR = (1, 0, 2)
_STACKED = (-1, 0, 1)


@dataclass(frozen=True)
class Mask:
    """A mask with all that is worked out of it; layers with the same mask share the nodes.

    Attributes:
        b: Where the nodes go.
        value: (batch, time), bool.
        time: The number of steps, None where unknown.
        name: The graph's value of it.
    """

    b: Scope
    value: str
    time: int | None
    name: str

    @classmethod
    def of(cls, b: Scope, mask: Tensor, graphs: Value | None) -> Mask:
        """The mask of a call."""
        return cls(b, truth(b, mask), mask.type.shape[1], graphs.name if graphs else "")

    @property
    def numbers(self) -> str:
        """1 where a step counts, 0 elsewhere; int64."""
        return self.b.once("Cast", self.value, to=ONNX_TYPES["int64"])

    @property
    def lengths(self) -> str:
        """How many steps of each row count, (batch,), int32."""
        total = self.b.once("ReduceSum", self.numbers, self.b.constant([1], "axes"), keepdims=0)
        return self.b.once("Cast", total, to=ONNX_TYPES["int32"])

    @property
    def occupied(self) -> str:
        """Whether any step of a row counts, (batch, 1), bool."""
        total = self.b.once("ReduceSum", self.numbers, self.b.constant([1], "axes"), keepdims=1)
        return self.b.once("Cast", total, to=ONNX_TYPES["bool"])

    @property
    def packed(self) -> list[str]:
        """1 for each step that counts and then 0, and where it stands: both (batch, time), int64.

        TopK puts equal values in the order of their indices, so it sorts stably.
        """
        return self.b.once_n("TopK", 2, self.numbers, self._steps, axis=1)

    @property
    def _steps(self) -> str:
        if self.time is not None:
            return self.b.constant([self.time], "time")
        if self.b.opset >= 15:
            return self.b.once("Shape", self.value, start=1, end=2)
        return self.b.once("Gather", self.b.once("Shape", self.value), self.b.constant([1], "axis"), axis=0)

    @property
    def valid(self) -> str:
        """Which packed steps count, (time, batch, 1), bool."""
        bools = self.b.once("Cast", self.packed[0], to=ONNX_TYPES["bool"])
        return self.b.once("Unsqueeze", self.b.once("Transpose", bools, perm=[1, 0]), self.b.constant([2], "axes"))

    def last(self, backwards: bool) -> str:
        """Whether the step that comes last counts, (batch, 1), bool."""
        return self.b.once("Gather", self.value, self.b.constant([0 if backwards else -1], "step"), axis=1)

    def place_of_last(self, backwards: bool) -> str:
        """Where the step that comes last stands among the packed ones, (batch, 1); any that does not count if none."""
        total = self.b.once("ReduceSum", self.numbers, self.b.constant([1], "axes"), keepdims=1)
        less = self.b.once("Sub", total, self.b.constant(1, "one"))
        return self.b.once("Mul", total, self.b.constant(0, "first")) if backwards else less

    def places(self, backwards: bool, zero: bool, flip: bool, crosswise: bool = False) -> str:
        """Where each step's output stands among the packed ones, (batch, time, 1); -1 where none is.

        Row -1 is zero, or the initial state where ``unpack`` appended it: with a step that does not count, the last
        packed one lies behind the end.

        Args:
            backwards: Whether the steps were computed from the last to the first.
            zero: Whether a step that does not count has no output; else it has that of the one before it.
            flip: Whether the result is wanted from the last step to the first.
            crosswise: Whether a step has no output where its mirror image does not count, instead.
        """
        b, one = self.b, self.b.constant(1, "one")
        count = b.once("CumSum", self.numbers, one)
        if zero and not crosswise:
            places = b.once("Where", self.value, b.once("Sub", count, one), b.constant(-1, "none"))
        elif backwards:
            before = b.once("CumSum", self.numbers, one, exclusive=1)
            total = b.once("ReduceSum", self.numbers, b.constant([1], "axes"), keepdims=1)
            places = b.once("Where", b.once("Less", before, total), before, b.constant(-1, "none"))
        else:
            places = b.once("Sub", count, one)
        if crosswise:
            places = b.once("Where", self._mirrored(self.value), places, b.constant(-1, "none"))
        return b.once("Unsqueeze", self._mirrored(places) if flip else places, b.constant([2], "axes"))

    def _mirrored(self, value: str) -> str:
        """(batch, time) from the last step to the first."""
        cut = ((-1, "start"), (_FAR, "stop"), (1, "axis"), (-1, "step"))
        return self.b.once("Slice", value, *(self.b.constant([number], label) for number, label in cut))


_FAR = -(1 << 62)


def pack(b: Scope, x: Tensor, mask: Mask | None) -> str:
    """(time, batch, features), with each row's steps that count at the front."""
    if mask is None:
        return b.arrange(x, TIME_MAJOR)
    known = b.builder.forms.get(x.name)
    if known is not None and known.packing == mask.value:
        return known.name
    places = b.once("Unsqueeze", mask.packed[1], b.constant([2], "axes"))
    return b.op("Transpose", b.op("GatherND", b.logical(x), places, batch_dims=1), perm=list(TIME_MAJOR))


def unpack(b: Scope, y: str, mask: Mask | None, places: str, flip: bool, type_: TensorType, behind: str = "") -> Tensor:
    """The steps of (time, batch, units) at their places again.

    Args:
        b: Where the nodes go.
        y: What was computed of packed steps.
        mask: The mask that they were packed by.
        places: ``mask.places``; unused without a mask.
        flip: Whether the result is wanted from the last step to the first.
        type_: The result's type.
        behind: What stands behind the steps, where ``places`` may point to, (1, batch, units); or "".
    """
    if mask is None:
        if flip:
            y = slice_(b, y, 0, -1, _FAR, -1)
        return Tensor(y, type_, TIME_MAJOR)
    rows = b.op("Concat", y, behind, axis=0) if behind else y
    value = b.op("GatherND", b.op("Transpose", rows, perm=list(TIME_MAJOR)), places, batch_dims=1)
    if not flip:
        b.builder.forms[value] = Form(y, TIME_MAJOR, packing=mask.value, mask=mask.name)
    return b.tensor(value, type_)


def stacked(b: Scope, values: Sequence[str]) -> str:
    """Values one upon the other along a new first axis."""
    parts = [_unsqueezed(b, value) for value in values]
    return parts[0] if len(parts) == 1 else b.op("Concat", *parts, axis=0)


def only(b: Scope, values: str) -> str:
    """The only one of values that stand along the first axis."""
    value = b.once("Squeeze", values, b.constant([0], "axes"))
    b.builder.forms[value] = Form(values, _STACKED)
    return value


def _unsqueezed(b: Scope, value: str) -> str:
    """A value with a first axis of size 1; where it was the only one along such an axis, what it was taken from."""
    form = b.builder.forms.get(value)
    return form.name if form is not None and form.order == _STACKED else unsqueeze(b, value, [0])
