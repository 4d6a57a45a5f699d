"""Recurrent layers in ONNX: steps, masks, states and directions around the operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kerasport.export.arrays import Lazy
from kerasport.export.builder import Scope
from kerasport.export.cells import Run, has_operator, run_operator
from kerasport.export.conv_lstm import run_conv_lstm
from kerasport.export.layout import Tensor
from kerasport.export.ops import reduce, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.export.scan import run_scan
from kerasport.export.steps import TIME_MAJOR, Mask, only, pack, stacked, unpack
from kerasport.layers.base import TensorType
from kerasport.layers.cells import Cell
from kerasport.layers.conv_lstm import ConvLSTM
from kerasport.layers.recurrent import Bidirectional, Recurrent

_REDUCTIONS = {"sum": "ReduceSum", "mul": "ReduceProd", "ave": "ReduceMean"}
_Weights = Mapping[str, Lazy]


@EXPORT.register(Recurrent)
def recurrent_layer(spec: Recurrent, b: Scope, x: Tensor, *initial: Tensor) -> tuple[Tensor, ...]:
    """RNN, LSTM or GRU (one per cell of a stack) over packed steps, unpacked again for sequences."""
    output, states = _Layer(spec, b, x, initial).translate(spec.go_backwards)
    return (output, *states) if spec.return_state else (output,)


@EXPORT.register(Bidirectional)
def bidirectional(spec: Bidirectional, b: Scope, x: Tensor, *initial: Tensor) -> tuple[Tensor, ...]:
    """One bidirectional operator where the layers are alike, else two operators."""
    own = list(zip((spec.forward, spec.backward), ("forward/", "backward/"), spec.split_states(initial), strict=True))
    layers = [_Layer(layer, b.under(side), x, states) for layer, side, states in own if isinstance(layer, Recurrent)]
    if len(layers) == len(own) and _fusible(*layers):
        outputs, finals = _fused(spec.merge_mode, *layers)
    else:
        flip = spec.forward.go_backwards
        (first, finals), (second, more) = (_translate(layer, b.under(side), x, st, flip) for layer, side, st in own)
        outputs, finals = _merged(b, spec.merge_mode, first, second), [*finals, *more]
    return (*outputs, *finals) if spec.forward.return_state else tuple(outputs)


def _translate(
    spec: Recurrent | ConvLSTM, b: Scope, x: Tensor, initial: Sequence[Tensor], flip: bool
) -> tuple[Tensor, list[Tensor]]:
    """The output, for sequences from the last step to the first with ``flip``; and the final states."""
    if isinstance(spec, ConvLSTM):
        return run_conv_lstm(spec, b, x, initial, flip)
    return _Layer(spec, b, x, initial).translate(flip)


class _Layer:
    """One layer in one direction.

    Args:
        spec: The layer.
        b: Where the nodes go.
        x: Its input.
        initial: The initial states, in Keras's order; may be none.
    """

    def __init__(self, spec: Recurrent, b: Scope, x: Tensor, initial: Sequence[Tensor]) -> None:
        self.spec, self.b = spec, b
        self.shown = spec.cells[-1].states - 1 if spec.gives_last_state else 0  # the state that is the output
        self.initial = self._by_cell(spec, [b.logical(state) for state in initial])
        mask = b.mask if spec.masked else None
        if spec.time_major:
            x, mask = _swapped(x), _swapped(mask) if mask else None
        self.x = x
        self.mask = Mask.of(b, mask, b.call.masks[0]) if mask else None
        batch, time = x.type.shape[:2] if not spec.single_step else (x.type.shape[0], 1)
        self.state_types = [TensorType((batch, cell.units)) for cell in spec.cells]
        self.sequence_type = TensorType((batch, time, spec.cells[-1].units))
        self.weights: list[_Weights] = [
            {role: b.weight(prefix + role) for role in cell.weights(None)}
            for prefix, cell in zip(spec.prefixes, spec.cells, strict=True)
        ]

    @staticmethod
    def _by_cell(spec: Recurrent, initial: Sequence[str]) -> list[list[str]]:
        """Flat states, in Keras's order, by cell; no states for each if there are none."""
        if not initial:
            return [[] for _ in spec.cells]
        left = iter(initial)
        cells = spec.cells[::-1] if spec.reversed_states else spec.cells
        nested = [[next(left) for _ in range(cell.states)] for cell in cells]
        return nested[::-1] if spec.reversed_states else nested

    def translate(self, flip: bool) -> tuple[Tensor, list[Tensor]]:
        """The output, for sequences from the last step to the first with ``flip``; and the final states."""
        single = self.spec.single_step
        x = unsqueeze(self.b, self.b.logical(self.x), [0]) if single else pack(self.b, self.x, self.mask)
        runs: list[Run] = []
        for cell, weights, initial in zip(self.spec.cells, self.weights, self.initial, strict=True):
            if runs:
                x = self.b.op("Squeeze", runs[-1].y, self.b.constant([1], "axes"))
            run = self._run(cell, weights, x, initial, self.shown if cell is self.spec.cells[-1] else 0)
            runs.append(self._plus_input(run, x) if cell.residual else run)
        states = [
            [self._state(final, self.initial[i][j] if self.initial[i] else "", i) for j, final in enumerate(run.finals)]
            for i, run in enumerate(runs)
        ]
        output = self._sequence(runs[-1], flip) if self.spec.return_sequences else self._last(runs[-1])
        ordered = states[::-1] if self.spec.reversed_states else states
        return output, [state for cell_states in ordered for state in cell_states]

    def _run(self, cell: Cell, weights: _Weights, x: str, initial: Sequence[str], shown: int) -> Run:
        """One cell; ONNX's operators give no sequence of a state that is not the first."""
        given = [stacked(self.b, [state]) for state in initial]
        backwards = self.spec.go_backwards
        if not has_operator(cell) or (shown and self.spec.return_sequences):
            return run_scan(self.b, cell, weights, x, self.mask.valid if self.mask else "", given, backwards, shown)
        direction = "reverse" if backwards else "forward"
        run = run_operator(self.b, [cell], [weights], x, self.lengths, given, direction)
        return replace(run, last=run.finals[shown])

    def _plus_input(self, run: Run, x: str) -> Run:
        """The outputs plus the inputs, (time, batch, features); zero behind the steps that count."""
        b = self.b
        y = b.op("Add", run.y, unsqueeze(b, x, [1]))
        if self.mask is None:
            position = b.constant([0 if self.spec.go_backwards else -1], "position")
            return Run(
                y, run.finals, last=b.op("Squeeze", b.op("Gather", y, position, axis=0), b.constant([1], "axes"))
            )
        valid = b.once("Unsqueeze", self.mask.valid, b.constant([1], "axes"))
        y = b.op("Where", valid, y, b.constant(0.0, "zero"))
        rows = b.op("Transpose", b.op("Squeeze", y, b.constant([1], "axes")), perm=list(TIME_MAJOR))
        last = b.op("GatherND", rows, self.mask.place_of_last(self.spec.go_backwards), batch_dims=1)
        return Run(y, run.finals, last=unsqueeze(b, last, [0]))

    @property
    def lengths(self) -> str:
        """How many steps of each row count, or ""."""
        return self.mask.lengths if self.mask else ""

    def _state(self, final: str, initial: str, index: int) -> Tensor:
        """A final state, (batch, units); a row without any step keeps its initial one."""
        value = only(self.b, final)
        if self.mask and initial:
            value = self.b.once("Where", self.mask.occupied, value, initial)
        return self.b.tensor(value, self.state_types[index])

    def _last(self, run: Run) -> Tensor:
        """The last step's output."""
        value = only(self.b, run.last)
        initial = self.initial[-1]
        if self.mask and self.spec.zero_masked:
            value = self.b.op("Where", self.mask.last(self.spec.go_backwards), value, self.b.constant(0.0, "zero"))
        elif self.mask and initial:
            other = initial[self.shown] if self.spec.state_masked else self.b.constant(0.0, "zero")
            value = self.b.once("Where", self.mask.occupied, value, other)
        return self.b.tensor(value, self.state_types[-1])

    def _sequence(self, run: Run, flip: bool) -> Tensor:
        """All steps' outputs."""
        b, y = self.b, self.b.op("Squeeze", run.y, self.b.constant([1], "axes"))
        initial = self.initial[-1]
        behind = stacked(b, [initial[self.shown]]) if self.mask and self.spec.state_masked and initial else ""
        spec, places = self.spec, ""
        if self.mask:
            places = self.mask.places(spec.go_backwards, spec.zero_masked, flip, spec.zeroes_crosswise)
        return self.placed(unpack(b, y, self.mask, places, flip, self.sequence_type, behind))

    def placed(self, sequence: Tensor) -> Tensor:
        """Sequences in the axis order of the layer."""
        return _swapped(sequence) if self.spec.time_major else sequence


def _swapped(x: Tensor) -> Tensor:
    """The same stored value with its first two logical axes called the other way round."""
    first, second, *rest = x.type.shape
    perm = tuple({0: 1, 1: 0}.get(axis, axis) for axis in x.perm)
    return Tensor(x.name, x.type.with_shape((second, first, *rest)), perm)


def _fusible(ahead: _Layer, back: _Layer) -> bool:
    """Whether one operator can do both directions: equal but for functions, and with the same steps left out."""
    first, second = ahead.spec, back.spec
    if len(first.cells) > 1 or len(second.cells) > 1 or first.go_backwards:
        return False
    a, c = first.cells[0], second.cells[0]
    if a.residual or c.residual or ahead.shown or back.shown:
        return False
    alike = replace(a, activation=c.activation, recurrent_activation=c.recurrent_activation) == c
    zeros = first.zero_masked and second.zero_masked and not second.zeroes_crosswise
    masks_fit = ahead.mask is None or ((zeros or not first.return_sequences) and not any(ahead.initial))
    same = (first.masked, first.time_major) == (second.masked, second.time_major)
    return alike and masks_fit and same and has_operator(a) and has_operator(c)


def _fused(mode: str, ahead: _Layer, back: _Layer) -> tuple[list[Tensor], list[Tensor]]:
    """The merged outputs (or both) and the final states of one bidirectional operator."""
    b, cells = ahead.b, [ahead.spec.cells[0], back.spec.cells[0]]
    x, units = pack(b, ahead.x, ahead.mask), cells[0].units
    initial = [stacked(b, pair) for pair in zip(ahead.initial[0], back.initial[0], strict=True)]
    run = run_operator(b, cells, [*ahead.weights, *back.weights], x, ahead.lengths, initial, "bidirectional")
    finals = [
        b.tensor(b.once("Gather", final, b.constant(side, "side"), axis=0), ahead.state_types[0])
        for side in (0, 1)
        for final in run.finals
    ]
    width = units * (2 if mode == "concat" else 1)
    if ahead.spec.return_sequences:
        type_ = ahead.sequence_type.with_shape((*ahead.sequence_type.shape[:2], width))
        places = ahead.mask.places(False, True, False) if ahead.mask else ""
        merged = _merged_axis(b, mode, run.y, 1)
        return [ahead.placed(unpack(b, y, ahead.mask, places, False, type_)) for y in merged], finals
    type_ = TensorType((ahead.state_types[0].shape[0], width))
    return [b.tensor(y, type_) for y in _merged_axis(b, mode, run.finals[0], 0)], finals


def _merged_axis(b: Scope, mode: str, value: str, axis: int) -> list[str]:
    """Merges both directions, which stand along an axis of a (..., 2, batch, units) value."""
    if mode not in ("none", "concat"):
        return [reduce(b, _REDUCTIONS[mode], value, [axis], keepdims=False)]
    sides = [b.once("Gather", value, b.constant(side, "side"), axis=axis) for side in (0, 1)]
    return sides if mode == "none" else [b.op("Concat", *sides, axis=-1)]


def _merged(b: Scope, mode: str, first: Tensor, second: Tensor) -> list[Tensor]:
    """Merges the outputs of two operators."""
    if mode == "none":
        return [first, second]
    (left, right), perm = b.common([first, second])
    if mode == "concat":
        width = (first.type.shape[-1] or 0) + (second.type.shape[-1] or 0)
        type_ = first.type.with_shape((*first.type.shape[:-1], width))
        return [b.tensor(b.op("Concat", left, right, axis=perm.index(first.type.rank - 1)), type_, perm)]
    y = b.op("Mul" if mode == "mul" else "Add", left, right)
    if mode == "ave":
        y = b.op("Mul", y, b.constant(0.5, "half"))
    return [b.tensor(y, first.type, perm)]
