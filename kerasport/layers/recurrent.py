"""SimpleRNN, LSTM, GRU, RNN over cells and stacks of cells, and Bidirectional over any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Emit, Masks, Shape, Spec, TensorType, Value
from kerasport.layers.cells import Cell, cell_of
from kerasport.layers.config import Config
from kerasport.layers.conv_lstm import ConvLSTM
from kerasport.layers.frozen import frozen
from kerasport.layers.slots import Slot

_CELL = (
    "implementation dropout recurrent_dropout seed unit_forget_bias recurrent_initializer recurrent_regularizer"
    " recurrent_constraint"
)
_SEQUENCE = f"{_CELL} use_cudnn input_length"
_LIMITS = "no constants"
_MASKED_OUTPUTS = ("output", "state")


@LAYERS.register("SimpleRNN", "LSTM", "GRU", "RNN", ignored=_SEQUENCE, limits=_LIMITS)
@LAYERS.register("CuDNNLSTM", "CuDNNGRU", ignored=_SEQUENCE, limits=_LIMITS)
@LAYERS.register("SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells", ignored=_CELL)
@LAYERS.register("PeepholeLSTMCell", ignored=_CELL)
@LAYERS.register("ResidualWrapper", limits="residual_fn")
@LAYERS.register("DeviceWrapper", ignored="device")
@LAYERS.register("DropoutWrapper", ignored="variational_recurrent input_size seed", limits="probabilities below 1")
@frozen
class Recurrent(Spec):
    """Cells that run over the time axis of (batch, time, features), one upon the other within each step.

    A masked step leaves the states as they are and repeats the output before it; see the two fields on that.

    Attributes:
        cells: One, or a stack.
        return_sequences: Whether all steps' outputs are returned, or the last one's.
        return_state: Whether the final states follow as further outputs.
        go_backwards: Whether the last step comes first; outputs stay in the order in which they were computed.
        time_major: Whether the data is (time, batch, features).
        zero_masked: Whether a masked step's output is zero.
        state_masked: Whether a masked step's output is the state h, which differs from the output before it
            only ahead of the first step that counts: that output is zero.
        unrolled: Whether Keras unrolls the loop, where it zeroes the outputs of masked steps by the mask in the
            data's order, whatever order the outputs are in.
        reversed_states: Whether a stack's states are listed from the last cell to the first.
        gives_last_state: Whether the output is the last one of the listed states (an LSTM's c), as on CNTK.
        masked: Whether the call heeds a mask.
        stateful: Whether Keras starts from the states that the batch before left.
        single_step: Whether it is a cell that is called itself: on one step, (batch, features), and its states.
    """

    cells: tuple[Cell, ...]
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    time_major: bool = False
    zero_masked: bool = False
    state_masked: bool = False
    unrolled: bool = False
    reversed_states: bool = False
    gives_last_state: bool = False
    masked: bool = True
    stateful: bool = False
    single_step: bool = False
    uses_mask: ClassVar[bool] = True

    @property
    def magnitude(self) -> float:
        """2 for simple cells with tanh, of which ONNX Runtime's RNN keeps only the absolute precision.

        With 1.32, its error is up to 1.7 times 2**-24 for numbers of 1e-4 to 0.1 alike; that of Tanh, LSTM and GRU
        shrinks with them.
        """
        return 2.0 * any(cell.kind == "SimpleRNN" and cell.activation.name == "tanh" for cell in self.cells)

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys, of cells and of layers."""
        single = partial(cls, single_step=True, return_state=True)
        if config.class_name == "StackedRNNCells":
            return single(cells=_stacked(config), reversed_states=config.flag("reverse_state_order"))
        if config.class_name.endswith("Cell"):
            return single(cells=(cell_of(config),))
        inner = config.inner.get("cell")
        if config.class_name.endswith("Wrapper"):
            return single(cells=(_wrapped(config, inner),))
        if config.class_name == "RNN" and not isinstance(inner, Recurrent):
            raise LayerError("its cell is not one of Keras's own", "replace it by LSTMCell, GRUCell or SimpleRNNCell")
        config.expect("num_constants", None, 0)
        reversed_states = isinstance(inner, Recurrent) and inner.reversed_states
        if reversed_states and config.flag("gives_last_state"):
            raise LayerError("a stack of cells with reverse_state_order gives its first cell's state on CNTK")
        return cls(
            cells=inner.cells if isinstance(inner, Recurrent) else (cell_of(config),),
            return_sequences=config.flag("return_sequences"),
            return_state=config.flag("return_state"),
            go_backwards=config.flag("go_backwards"),
            time_major=config.flag("time_major"),
            zero_masked=config.flag("zero_output_for_mask"),
            state_masked=config.choice("masked_output", _MASKED_OUTPUTS, "output") == "state",
            unrolled=config.flag("unroll"),
            reversed_states=reversed_states,
            gives_last_state=config.flag("gives_last_state"),
            stateful=config.flag("stateful"),
        )

    @property
    def zeroes_crosswise(self) -> bool:
        """Whether masked outputs are zeroed in the wrong order: see ``unrolled``."""
        return self.unrolled and self.go_backwards and self.zero_masked and self.return_sequences

    @property
    def states(self) -> tuple[int, ...]:
        """The sizes of its states, in Keras's order."""
        cells = self.cells[::-1] if self.reversed_states else self.cells
        return tuple(cell.units for cell in cells for _ in range(cell.states))

    @property
    def state_names(self) -> tuple[str, ...]:
        """``state_h`` and ``state_c``; with the cell's number between in a stack."""
        cells = list(enumerate(self.cells))[:: -1 if self.reversed_states else 1]
        stacked = len(cells) > 1
        return tuple(f"state_{i}_{s}" if stacked else f"state_{s}" for i, cell in cells for s in "hc"[: cell.states])

    def returning_states(self) -> Self:
        """With ``return_state``."""
        return replace(self, return_state=True)

    def called_with(self, kwargs: Mapping[str, Any]) -> Self:
        """``mask=False`` says that the call heeds no mask; a cell's states may be given by name."""
        rest = {key: value for key, value in kwargs.items() if key != "mask"}
        if self.single_step and _flat(rest.get("states", [])) == [Slot(place + 1) for place in range(len(self.states))]:
            del rest["states"]
        super().called_with(rest)
        return replace(self, masked=False) if kwargs.get("mask") is False else self

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Those of its cells; a stack's with the cell's number before the role."""
        features = inputs[0].shape[-1]
        roles: dict[str, Shape] = {}
        for prefix, cell in zip(self.prefixes, self.cells, strict=True):
            roles |= {prefix + role: shape for role, shape in cell.weights(features).items()}
            features = cell.units
        return roles

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What stands before the roles of each cell."""
        return tuple(f"{i}/" for i in range(len(self.cells))) if len(self.cells) > 1 else ("",)

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """(batch, units) or (batch, time, units), and (batch, size) for each returned state."""
        self.check(inputs)
        if self.single_step:
            return tuple(TensorType((inputs[0].shape[0], size)) for size in (self.cells[-1].units, *self.states))
        batch, time = inputs[0].shape[:2][:: -1 if self.time_major else 1]
        steps = (time, batch) if self.time_major else (batch, time)
        units = self.cells[-1].units
        output = TensorType((*steps, units) if self.return_sequences else (batch, units))
        states = [TensorType((batch, size)) for size in self.states]
        return (output, *states) if self.return_state else (output,)

    def check(self, inputs: Sequence[TensorType]) -> None:
        """Raises LayerError for inputs that are not (batch, time, features) and all initial states, or none."""
        rank, axes = (2, "(batch, features)") if self.single_step else (3, "(batch, time, features)")
        if inputs[0].rank != rank:
            raise LayerError(f"its input has rank {inputs[0].rank} where {axes} is needed")
        sizes = tuple(state.shape[-1] for state in inputs[1:])
        if (sizes or self.single_step) and sizes != self.states:
            raise LayerError(f"it is called with states of the sizes {sizes} where {self.states} are needed")
        if any(state.rank != 2 for state in inputs[1:]):
            raise LayerError(f"it is called with states of rank {max(state.rank for state in inputs[1:])}, not 2")
        rows = next((state.shape[0] for state in inputs[1:] if state.shape[0] is not None), None)
        if rows is not None and inputs[0].shape[self.time_major] is None:
            raise LayerError(
                f"its initial state is a constant of {rows} rows, where a batch may have any number",
                "fix the number of rows in a batch",
                option=f"--input-shape batch={rows}",
            )

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Masks:
        """The input's mask, in the input's order, where sequences are returned."""
        masked = self.masked and bool(masks) and masks[0] is not None
        if masked and self.single_step:
            raise LayerError("it is a cell that is called on an input with a mask")
        if masked and self.state_masked and len(self.cells) > 1:
            raise LayerError("a stack of cells with a mask is not supported in Keras before 2.3")
        return masks[0] if self.return_sequences and masks else None


@LAYERS.register("Bidirectional", limits=_LIMITS)
@frozen
class Bidirectional(Spec):
    """Two recurrent layers over the same steps, the second one's outputs turned to the first one's order.

    Attributes:
        forward: The first layer, which usually goes forward.
        backward: The second one, which goes the other way.
        merge_mode: concat, sum, mul, ave, or none for two outputs.
    """

    forward: Recurrent | ConvLSTM
    backward: Recurrent | ConvLSTM
    merge_mode: str = "concat"
    uses_mask: ClassVar[bool] = True

    @property
    def magnitude(self) -> float:
        """The larger of its layers'."""
        return max(self.forward.magnitude, self.backward.magnitude)

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: layer, backward_layer, merge_mode."""
        forward = config.inner.get("layer")
        if not isinstance(forward, Recurrent | ConvLSTM):
            raise LayerError("it wraps a layer that is not recurrent")
        backward = config.inner.get("backward_layer", replace(forward, go_backwards=not forward.go_backwards))
        if not isinstance(backward, Recurrent | ConvLSTM) or backward.go_backwards == forward.go_backwards:
            raise LayerError("its backward layer does not go the other way")
        if (backward.return_sequences, backward.return_state) != (forward.return_sequences, forward.return_state):
            raise LayerError("its two layers do not return the same")
        config.expect("num_constants", None, 0)
        sideways = isinstance(forward, Recurrent) and forward.time_major and forward.return_sequences
        if not config.flag("reverses_time", True) and sideways:
            raise LayerError(
                "TensorFlow 2.2 reverses time-major sequences along the batch", "save it in TensorFlow 2.4"
            )
        if not config.flag("carries_states", True):
            forward, backward = replace(forward, stateful=False), replace(backward, stateful=False)
        if config.flag("zero_output_for_mask"):
            forward = replace(forward, zero_masked=forward.return_sequences)
            backward = replace(backward, zero_masked=backward.return_sequences)
        mode = config.get("merge_mode", "concat")
        if mode not in ("concat", "sum", "mul", "ave", None):
            raise LayerError(f"merge_mode={mode!r} is not supported")
        return cls(forward=forward, backward=backward, merge_mode=mode or "none")

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """``mask=False`` says that the call heeds no mask."""
        forward, backward = self.forward.called_with(kwargs), self.backward.called_with(kwargs)
        return replace(self, forward=forward, backward=backward)

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Those of both layers, under ``forward/`` and ``backward/``."""
        return {
            f"{side}/{role}": shape
            for side, spec in (("forward", self.forward), ("backward", self.backward))
            for role, shape in spec.weights(*inputs).items()
        }

    @property
    def stateful(self) -> bool:
        """Whether its layers' states outlive a call in Keras."""
        return self.forward.stateful or self.backward.stateful

    @property
    def state_names(self) -> tuple[str, ...]:
        """Those of both layers, after ``forward_`` and ``backward_``."""
        sides = (("forward", self.forward), ("backward", self.backward))
        return tuple(f"{side}_{name}" for side, layer in sides for name in layer.state_names)

    def returning_states(self) -> Self:
        """With ``return_state`` on both sides."""
        return replace(self, forward=self.forward.returning_states(), backward=self.backward.returning_states())

    def split_states(self, states: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """The initial states of each layer."""
        return states[: len(self.forward.states)], states[len(self.forward.states) :]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """The merged output (two for none), then the states of both layers."""
        ahead, back = self.split_states(inputs[1:])
        if inputs[1:] and not back:
            raise LayerError(f"it is called with {len(ahead)} initial states for two layers")
        first, *states = self.forward.infer(inputs[0], *ahead)
        second, *more = self.backward.infer(inputs[0], *back)
        if self.merge_mode == "none":
            return (first, second, *states, *more)
        if self.merge_mode == "concat":
            width = (first.shape[-1] or 0) + (second.shape[-1] or 0)
            return (first.with_shape((*first.shape[:-1], width)), *states, *more)
        if first != second:
            raise LayerError(f"outputs of {first.shape[-1]} and {second.shape[-1]} units cannot be merged")
        return (first, *states, *more)

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Masks:
        """The input's mask where sequences are returned; both outputs have it where they are not merged."""
        mask = self.forward.output_mask(masks, inputs, emit)
        return (mask, mask) if self.merge_mode == "none" and not isinstance(mask, tuple) else mask


def _flat(states: Any) -> list[Any]:
    return [part for state in states for part in _flat(state)] if isinstance(states, list | tuple) else [states]


def _stacked(config: Config) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for key, spec in config.inner.items():
        if not key.startswith("cells/") or not isinstance(spec, Recurrent) or spec.reversed_states:
            raise LayerError("it holds something that is not one of Keras's own cells")
        cells += spec.cells
    if not cells:
        raise LayerError("it has no cells")
    return tuple(cells)


def _wrapped(config: Config, inner: Spec | None) -> Cell:
    """The cell that a wrapper of tf.nn holds, with what the wrapper adds to it."""
    if not isinstance(inner, Recurrent) or len(inner.cells) > 1:
        raise LayerError("it wraps something that is not one of Keras's own cells")
    (cell,) = inner.cells
    if config.class_name == "DropoutWrapper":
        kept = {key: config.get(f"{key}_keep_prob", 1.0) for key in ("input", "output", "state")}
        if any(value != 1.0 for value in kept.values()) or config.get("function", None) is not None:
            raise LayerError(f"its dropout ({kept}) is random at inference, too", "set the probabilities to 1")
        return cell
    if config.class_name == "DeviceWrapper":
        return cell
    if config.get("function", None) is not None:
        raise LayerError("its residual_fn is Python code", "leave it out, so that the input is added to the output")
    if cell.residual:
        raise LayerError("it wraps another residual cell")
    return replace(cell, residual=True)
