"""A layer with a spec of its own: every second row is scaled, as ``ScaledRows(factor)`` of some project did."""

from typing import ClassVar, Self

import numpy as np

from kerasport.plugins import (
    Array,
    Config,
    Context,
    OnnxBuilder,
    OnnxTensor,
    Shape,
    Spec,
    TensorType,
    frozen,
    layer,
    reference,
    translation,
)


@layer("ScaledRows", ignored="seed")
@frozen
class ScaledRows(Spec):
    factor: float
    carries_mask: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        return cls(factor=config.number("factor"))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        return {"offset": (inputs[0].shape[-1],)}

    def infer(self, *inputs: TensorType) -> TensorType:
        return inputs[0]


@reference(ScaledRows)
def scaled_rows(spec: ScaledRows, context: Context, x: Array) -> Array:
    scaled = np.array(x)
    scaled[:, ::2] *= spec.factor
    return scaled + context.weights["offset"]


@translation(ScaledRows)
def onnx_scaled_rows(spec: ScaledRows, b: OnnxBuilder, x: OnnxTensor) -> OnnxTensor:
    rows = np.where(np.arange(x.type.shape[1]) % 2, 1.0, spec.factor).astype(np.float32)
    scaled = b.op("Mul", b.logical(x), b.constant(rows[:, None], "rows"))
    return b.tensor(b.op("Add", scaled, b.initializer(b.weight("offset"), "offset")))
