"""ReversibleEmbedding in ONNX."""

from __future__ import annotations

from kerasport.export.builder import Scope
from kerasport.export.core import rows
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.export.stored import Kernel
from kerasport.layers import reversible


@EXPORT.register(reversible.ReversibleEmbedding)
def reversible_embedding(spec: reversible.ReversibleEmbedding, b: Scope, x: Tensor) -> Tensor:
    """Gather; in reverse MatMul, with Tanh for the cap."""
    if not spec.reverse:
        return rows(spec, b, x)
    if spec.tied:
        kernel = Kernel(b, spec.stored, spec.layout, lambda table: table.transpose(1, 0), (0,))
    else:
        kernel = Kernel(b, spec.reverse_stored, spec.reverse_layout, lambda table: table, (1,))
    y = kernel.product(b.logical(x), x.type.rank)
    if spec.cap is not None:
        cap = b.constant(spec.cap, "cap")
        y = b.op("Mul", b.op("Tanh", b.op("Div", y, cap)), cap)
    return b.tensor(y)
