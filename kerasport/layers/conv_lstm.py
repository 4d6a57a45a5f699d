"""ConvLSTM: LSTM whose matrix products are convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Emit, Shape, Spec, TensorType, Value
from kerasport.layers.config import Config
from kerasport.layers.conv import Conv, Conv1D, Conv2D, Conv3D
from kerasport.layers.frozen import frozen
from kerasport.layers.functions import Function
from kerasport.layers.spatial import positive

_IGNORED = (
    "implementation dropout recurrent_dropout seed unit_forget_bias recurrent_initializer recurrent_regularizer"
    " recurrent_constraint unroll"
)
_CONVOLUTIONS: dict[str, type[Conv]] = {"ConvLSTM1D": Conv1D, "ConvLSTM2D": Conv2D, "ConvLSTM3D": Conv3D}


@LAYERS.register("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", ignored=_IGNORED)
@frozen
class ConvLSTM(Spec):
    """``i, f, g, o = conv(x) + same_conv(h)``, ``c = f * c + i * act(g)``, ``h = o * act(c)``, step by step.

    Attributes:
        inputs: The convolution of the input, with the filters of all four gates and the bias.
        recurrence: The convolution of the state: padding "same" (the backend's), no strides, no bias.
        activation: Keras's ``activation``.
        recurrent_activation: That of the gates i, f and o.
        return_sequences: Whether all steps' outputs are returned, or the last one's.
        return_state: Whether h and c follow as further outputs.
        go_backwards: Whether the last step comes first; outputs stay in the order in which they were computed.
        zero_masked: Whether a masked step's output is zero; else it is the one before it.
        gives_last_state: Whether the output is c and not h, as on CNTK.
        masked: Whether the call heeds a mask.
        stateful: Whether Keras starts from the states that the batch before left.
    """

    inputs: Conv
    recurrence: Conv
    activation: Function
    recurrent_activation: Function
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    zero_masked: bool = False
    gives_last_state: bool = False
    masked: bool = True
    stateful: bool = False
    uses_mask: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: those of a convolution, and those of an LSTM."""
        convolution = _CONVOLUTIONS[config.class_name]
        (filters,) = positive(config, "filters", 1)
        config.expect("time_major", False)
        options = convolution.options(config)
        activation, ones = options.pop("activation"), (1,) * convolution.dimensions
        same = options | {"strides": ones, "dilations": ones, "padding": "same", "use_bias": False, "edges": None}
        if options.get("padding") == "causal":
            raise LayerError("padding='causal' is not supported")
        if config.get("recurrent_padding", None) is not None:
            same["edges"] = config.pairs("recurrent_padding", convolution.dimensions)
        return cls(
            inputs=convolution(filters=4 * filters, **options),
            recurrence=convolution(filters=4 * filters, **same),
            activation=activation,
            recurrent_activation=config.activation("recurrent_activation"),
            return_sequences=config.flag("return_sequences"),
            return_state=config.flag("return_state"),
            go_backwards=config.flag("go_backwards"),
            zero_masked=config.flag("zero_output_for_mask"),
            gives_last_state=config.flag("gives_last_state"),
            stateful=config.flag("stateful"),
        )

    @property
    def states(self) -> tuple[int, ...]:
        """The channels of its states h and c."""
        return (self.filters, self.filters)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The states h and c."""
        return ("state_h", "state_c")

    def returning_states(self) -> Self:
        """With ``return_state``."""
        return replace(self, return_state=True)

    def called_with(self, kwargs: Mapping[str, Any]) -> Self:
        """``mask=False`` says that the call heeds no mask."""
        super().called_with({key: value for key, value in kwargs.items() if key != "mask"})
        return replace(self, masked=False) if kwargs.get("mask") is False else self

    @property
    def filters(self) -> int:
        """The channels of the output and of each state."""
        return self.inputs.filters // 4

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernel (*size, in, 4 filters), recurrent kernel (*size, filters, 4 filters), bias (4 filters,)."""
        own = self.inputs.weights(inputs[0])
        recurrent: Shape = (*self.inputs.kernel_size, self.filters, 4 * self.filters)
        return {"kernel": own.pop("kernel"), "recurrent_kernel": recurrent, **own}

    def state_type(self, x: TensorType) -> TensorType:
        """(batch, *space, filters), or channels first."""
        if x.rank != self.inputs.dimensions + 3:
            raise LayerError(f"its input has rank {x.rank} where {self.inputs.dimensions + 3} is needed")
        gates = self.inputs.infer(x)
        step = gates.with_shape((gates.shape[0], *gates.shape[2:]))
        return self.recurrence.resized(step, self.recurrence.lengths(step), self.filters)

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """A state's shape, with the time axis for sequences; then both states' types."""
        state = self.state_type(inputs[0])
        if len(inputs) not in {1, 3}:
            raise LayerError(f"it is called with {len(inputs) - 1} initial states where 2 are needed")
        output = state.with_shape((state.shape[0], inputs[0].shape[1], *state.shape[1:]))
        first = output if self.return_sequences else state
        return (first, state, state) if self.return_state else (first,)

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """The input's mask where sequences are returned."""
        return masks[0] if self.return_sequences and masks else None
