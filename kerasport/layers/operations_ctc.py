"""Connectionist temporal classification as operations, under Keras 3's names."""

from __future__ import annotations

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Result, Step, register
from kerasport.layers.base import Value
from kerasport.layers.operations import binary, then, unary
from kerasport.layers.operations_axes import reduced
from kerasport.layers.operators import ExpandDims, GetItem, Join
from kerasport.layers.products import OneHot
from kerasport.layers.reductions import ArgExtreme, Cumulative

_STEPS = (None, None, None)


@register("CTCDecode")
def _decode(call: Arguments) -> Result:
    """The best class of each step, without repetitions and blanks, -1 behind the last one; and the paths' scores."""
    x, lengths = call.floating(call.tensor("inputs", 0)), call.tensor("sequence_lengths", 1)
    _, steps, classes = x.type.shape
    if call.text("strategy", default="greedy") != "greedy":
        raise LayerError("a beam search is not supported", "decode with strategy='greedy'")
    if steps is None or classes is None:
        raise LayerError("an unknown number of steps or classes is not supported")
    for name in ("beam_width", "top_paths"):
        call.get(name)  # of the beam search alone
    blank = call.get("mask_index", default=0)
    column = call.emit(ExpandDims(axes=(-1,)), call.cast(lengths, "int32"))
    inside = call.cast(then(call, binary(call, "greater", column, tuple(range(steps)))), "float32")
    best = call.cast(call.emit(ArgExtreme(axis=-1), x), "float32")
    kept = _both(
        call, inside, binary(call, "not_equal", best, float(classes - 1 if blank is None else blank % classes))
    )
    if call.flag("merge_repeated", default=True) and steps > 1:
        kept = _both(call, kept, binary(call, "not_equal", best, _before(call, best)))
    labels = call.emit(ExpandDims(axes=(0,)), _packed(call, best, kept, steps))
    return call.cast(labels, "int32"), _score(call, x, inside)


def _both(call: Arguments, kept: Value, test: Step) -> Value:
    return then(call, binary(call, "multiply", kept, call.cast(then(call, test), "float32")))


def _before(call: Arguments, best: Value) -> Value:
    """The class of the step before; of the first one, none."""
    earlier = call.emit(GetItem(index=(_STEPS, (0, -1, None))), best)
    first = call.emit(GetItem(index=(_STEPS, (0, 1, None))), best)
    none = then(call, binary(call, "subtract", then(call, binary(call, "multiply", first, 0.0)), 1.0))
    return call.emit(Join(axis=1), none, earlier)


def _packed(call: Arguments, best: Value, kept: Value, steps: int) -> Value:
    """What is kept, one behind the other: ``sum over t of (best + 1) * [the place of t is j] - 1``."""
    place = binary(
        call, "multiply", call.emit(Cumulative(axis=1), kept), kept
    )  # counted from 1, 0 for what is not kept
    numbers = call.cast(then(call, binary(call, "subtract", then(call, place), 1.0)), "int64")
    hot = call.emit(OneHot(depth=steps, axis=-1), numbers)
    shifted = call.emit(ExpandDims(axes=(-1,)), then(call, binary(call, "add", best, 1.0)))
    total = then(call, reduced(call, "sum", then(call, binary(call, "multiply", hot, shifted)), (1,)))
    return then(call, binary(call, "subtract", total, 1.0))


def _score(call: Arguments, x: Value, inside: Value) -> Step:
    """Minus the sum of each step's largest value."""
    largest = then(call, reduced(call, "max", x, (-1,)))
    total = reduced(call, "sum", then(call, binary(call, "multiply", largest, inside)), (1,), keepdims=True)
    return unary(call, "negative", then(call, total))
