"""The cells of recurrent layers."""

from __future__ import annotations

from kerasport.layers.base import Dim, Shape
from kerasport.layers.config import Config
from kerasport.layers.frozen import Frozen, frozen
from kerasport.layers.functions import LINEAR, Function
from kerasport.layers.functions import function as named

PEEPHOLES = tuple(f"{gate}_gate_peephole_weights" for gate in ("input", "forget", "output"))
_GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}


@frozen
class Cell(Frozen):
    """One recurrent cell.

    Attributes:
        kind: SimpleRNN, LSTM or GRU.
        units: The size of its output and of each state.
        activation: Keras's ``activation``.
        recurrent_activation: That of the gates; linear, and unused, in a SimpleRNN.
        use_bias: Whether there is a bias.
        reset_after: GRU: whether the reset gate comes after the matrix product, with a bias of its own.
        cudnn: Whether the weights are stored in CuDNN's layout.
        residual: Whether the input is added to the output; the states are without it.
        peepholes: LSTM: whether the gates i and f see the cell state before the step, and o the one after it, each
            times weights of its own.
    """

    kind: str
    units: int
    activation: Function
    recurrent_activation: Function = LINEAR
    use_bias: bool = True
    reset_after: bool = False
    cudnn: bool = False
    residual: bool = False
    peepholes: bool = False

    @property
    def gates(self) -> int:
        """How many blocks of ``units`` columns the kernels have: LSTM i, f, c, o; GRU z, r, h."""
        return _GATES[self.kind]

    @property
    def states(self) -> int:
        """How many states it keeps: h, and an LSTM's c."""
        return 2 if self.kind == "LSTM" else 1

    def weights(self, features: Dim) -> dict[str, Shape]:
        """Kernel, recurrent kernel, bias: Keras's names, order and shapes."""
        width = self.gates * self.units
        roles: dict[str, Shape] = {"kernel": (features, width), "recurrent_kernel": (self.units, width)}
        if self.use_bias:
            roles["bias"] = (2 * width,) if self.cudnn else (2, width) if self.reset_after else (width,)
        return roles | (dict.fromkeys(PEEPHOLES, (self.units,)) if self.peepholes else {})


def cell_of(config: Config) -> Cell:
    """The cell of a config of a cell, or of a layer with one."""
    peepholes = config.class_name == "PeepholeLSTMCell"
    kind = config.class_name.removesuffix("Cell").removeprefix("Peephole")
    if kind.startswith("CuDNN"):
        kind = kind.removeprefix("CuDNN")
        tanh, sigmoid = named("tanh"), named("sigmoid")
        return Cell(
            kind=kind,
            units=config.integer("units"),
            activation=tanh,
            recurrent_activation=sigmoid,
            reset_after=kind == "GRU",
            cudnn=True,
        )
    return Cell(
        kind=kind,
        units=config.integer("units"),
        activation=config.activation("activation", "tanh"),
        recurrent_activation=LINEAR if kind == "SimpleRNN" else config.activation("recurrent_activation"),
        use_bias=config.flag("use_bias", True),
        reset_after=kind == "GRU" and config.flag("reset_after"),
        peepholes=peepholes,
    )
