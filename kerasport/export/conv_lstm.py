"""ConvLSTM in ONNX: the input's convolution of all steps at once, then a Scan over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasport.export.activation import apply
from kerasport.export.builder import Scope
from kerasport.export.conv import convolution
from kerasport.export.layout import Perm, Tensor
from kerasport.export.loops import Loop
from kerasport.export.ops import slice_, truth
from kerasport.export.registry import EXPORT
from kerasport.export.spatial import channels_first_order, padding_attributes
from kerasport.layers import conv_lstm
from kerasport.layers.base import TensorType
from kerasport.layers.functions import Function


@EXPORT.register(conv_lstm.ConvLSTM)
def conv_lstm_layer(spec: conv_lstm.ConvLSTM, b: Scope, x: Tensor, *initial: Tensor) -> tuple[Tensor, ...]:
    """Conv over (time * batch, ...) and a Scan with one Conv a step; both in the channels-first order."""
    output, states = run_conv_lstm(spec, b, x, initial, spec.go_backwards)
    return (output, *states) if spec.return_state else (output,)


def run_conv_lstm(
    spec: conv_lstm.ConvLSTM, b: Scope, x: Tensor, initial: Sequence[Tensor], flip: bool
) -> tuple[Tensor, list[Tensor]]:
    """The output, for sequences from the last step to the first with ``flip``; and the final states."""
    mask = b.mask if spec.masked else None
    gates = _only(convolution(spec.inputs, b, _time_first(x)))
    rank = x.type.rank - 1
    order = channels_first_order(spec.recurrence, rank)
    state = spec.state_type(x.type)
    value = b.arrange(gates, (0, 1, *(axis + 1 for axis in order[1:])))
    states = [b.arrange(tensor, order) for tensor in initial] or [_zeros(spec, b, value, rank)] * 2
    step = _Step(spec, b, rank)
    carried = bool(initial and mask and not spec.zero_masked and not spec.gives_last_state)
    sequences = [value, _valid(b, mask, rank)] if mask else [value]
    stored = TensorType((None,) * rank)
    loop = Loop(
        states=[*states, _zeros(spec, b, value, rank)] if carried else states,
        sequences=sequences,
        state_types=[stored] * (3 if carried else 2),
        step_types=[stored, TensorType((None,) * rank, "bool")][: len(sequences)],
        output_type=stored,
    )
    (h, c, *_), y = loop.run(b, step.add, spec.go_backwards, flip)
    finals = [Tensor(name, state, order) for name in (h, c)]
    if spec.return_sequences:
        sequence = state.with_shape((state.shape[0], x.type.shape[1], *state.shape[1:]))
        output = Tensor(y, sequence, (1, 0, *(axis + 1 for axis in order[1:])))
    elif mask:
        last = b.constant(0 if flip != spec.go_backwards else -1, "last")
        output = Tensor(b.op("Gather", y, last, axis=0), state, order)
    else:
        output = finals[1 if spec.gives_last_state else 0]
    return output, finals


def _only(result: Tensor | tuple[Tensor, ...]) -> Tensor:
    return result[0] if isinstance(result, tuple) else result


def _time_first(x: Tensor) -> Tensor:
    """The same stored value with the batch and time axes called the other way round."""
    batch, time, *rest = x.type.shape
    perm: Perm = tuple({0: 1, 1: 0}.get(axis, axis) for axis in x.perm)
    return Tensor(x.name, x.type.with_shape((time, batch, *rest)), perm)


def _zeros(spec: conv_lstm.ConvLSTM, b: Scope, gates: str, rank: int) -> str:
    """(batch, filters, *space) of zeros, for gates (time, batch, 4 filters, *space)."""
    shape = b.once("Shape", gates)
    batch, space = slice_(b, shape, 0, 1, 2), slice_(b, shape, 0, 3, rank + 1)
    size = b.op("Concat", batch, b.constant([spec.filters], "filters"), space, axis=0)
    return b.op("Expand", b.constant(0.0, "zero"), size)


def _valid(b: Scope, mask: Tensor, rank: int) -> str:
    """Which steps count, (time, batch, 1, ...)."""
    value = b.once("Transpose", truth(b, mask), perm=[1, 0])
    return b.once("Unsqueeze", value, b.constant(list(range(2, rank + 1)), "axes"))


@dataclass(frozen=True)
class _Step:
    """One step on stored values: h, c (and the output before, where it is not h), the gates, whether it counts."""

    spec: conv_lstm.ConvLSTM
    b: Scope
    rank: int

    def add(self, states: list[str], reads: list[str]) -> tuple[list[str], str]:
        """The nodes of one step."""
        b, spec, (h, c) = self.b, self.spec, states[:2]
        i, f, g, o = self._gates(reads[0], h)
        i, f, o = (self._act(spec.recurrent_activation, gate) for gate in (i, f, o))
        new_c = b.op("Add", b.op("Mul", f, c), b.op("Mul", i, self._act(spec.activation, g)))
        new_h = b.op("Mul", o, self._act(spec.activation, new_c))
        if len(reads) == 1:
            return [new_h, new_c], b.op("Identity", new_c if spec.gives_last_state else new_h)
        kept = self._where(reads[1], [new_h, new_c], [h, c])
        if spec.gives_last_state:
            return kept, b.op("Identity", kept[1])
        before = b.constant(0.0, "zero") if spec.zero_masked else states[-1] if len(states) > 2 else h
        (output,) = self._where(reads[1], [new_h], [before])
        return ([*kept, output] if len(states) > 2 else kept), b.op("Identity", output)

    def _where(self, valid: str, new: Sequence[str], old: Sequence[str]) -> list[str]:
        return [self.b.op("Where", valid, *pair) for pair in zip(new, old, strict=True)]

    def _gates(self, gates: str, h: str) -> list[str]:
        b, conv, n = self.b, self.spec.recurrence, self.spec.recurrence.dimensions
        kernel = b.initializer(b.weight("recurrent_kernel").transpose(n + 1, n, *range(n)), "recurrent_kernel")
        pads = [window.pads(None, "same") or (0, 0) for window in conv.windows]
        inner = b.op("Conv", h, kernel, kernel_shape=list(conv.kernel_size), **padding_attributes(pads))
        sizes = b.constant([self.spec.filters] * 4, "split")
        return b.op_n("Split", 4, b.op("Add", gates, inner), sizes, axis=1)

    def _act(self, f: Function, value: str) -> str:
        order = channels_first_order(self.spec.recurrence, self.rank)
        return apply(self.b, f, Tensor(value, TensorType((None,) * self.rank), order)).name
