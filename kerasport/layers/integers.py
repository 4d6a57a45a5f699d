"""Operations on integers only."""

from __future__ import annotations

from kerasport.errors import LayerError
from kerasport.layers.base import TensorType
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op, broadcast_shape


@frozen
class OfIntegers(Op):
    """The base of functions of two tensors of one dtype, which broadcast as NumPy's do."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """The broadcast shape."""
        if not inputs[0].dtype.startswith(("int", "uint")):
            raise LayerError(f"it is given {inputs[0].dtype} where whole numbers are needed")
        return TensorType(broadcast_shape(*(x.shape for x in inputs)), inputs[0].dtype)


@frozen
class Bitwise(OfIntegers):
    """``and``, ``or`` or ``xor`` of the bits, negative numbers in two's complement."""

    function: str


@frozen
class GreatestDivisor(OfIntegers):
    """The greatest common divisor of the absolute values; of a number and 0, the number."""
