"""Dense, Embedding, Masking and data movement, in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export.activation import apply
from kerasport.export.builder import Scope, Tensor, identity_perm
from kerasport.export.ops import cast, reduce, reshape, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.layers import base, core


@EXPORT.register(base.Identity)
def identity(spec: base.Identity, b: Scope, x: Tensor) -> Tensor:
    """No node."""
    return x


@EXPORT.register(core.Dense)
def dense(spec: core.Dense, b: Scope, x: Tensor) -> Tensor:
    """Gemm for rank 2; MatMul and Add else."""
    kernel = b.initializer(b.weight("kernel"), "kernel")
    bias = b.initializer(b.weight("bias"), "bias") if spec.use_bias else ""
    if x.type.rank == 2 and bias:
        y = b.op("Gemm", b.logical(x), kernel, bias)
    else:
        y = b.op("MatMul", b.logical(x), kernel)
        y = b.op("Add", y, bias) if bias else y
    return apply(b, spec.activation, b.tensor(y))


@EXPORT.register(core.Flatten)
def flatten(spec: core.Flatten, b: Scope, x: Tensor) -> Tensor:
    """Flatten of the value in channels-last order."""
    rank = x.type.rank
    if rank == 2:
        return x
    if rank == 1:
        return b.tensor(unsqueeze(b, x.name, [1]))
    order = (0, *range(2, rank), 1) if spec.channels_first else identity_perm(rank)
    return b.tensor(b.op("Flatten", b.arrange(x, order)))


@EXPORT.register(core.Reshape)
def reshape_layer(spec: core.Reshape, b: Scope, x: Tensor) -> Tensor:
    """Reshape with the batch copied, or inferred where another dimension is known instead."""
    known = [d if d is not None else -1 for d in b.output_type.shape[1:]]
    shape = [0, *known] if known.count(-1) < 2 else [0, *spec.target_shape]
    return b.tensor(reshape(b, b.logical(x), shape))


@EXPORT.register(core.Permute)
def permute(spec: core.Permute, b: Scope, x: Tensor) -> Tensor:
    """No node: the stored axes get new logical places."""
    perm = tuple(spec.axes.index(axis) for axis in x.perm)
    return Tensor(x.name, b.output_type, perm)


@EXPORT.register(core.RepeatVector)
def repeat_vector(spec: core.RepeatVector, b: Scope, x: Tensor) -> Tensor:
    """Unsqueeze and Expand."""
    y = unsqueeze(b, b.logical(x), [1])
    return b.tensor(b.op("Expand", y, b.constant([1, spec.n, 1], "shape")))


@EXPORT.register(core.Embedding)
def embedding(spec: core.Embedding, b: Scope, x: Tensor) -> Tensor:
    """Gather; float ids are cast, which truncates."""
    ids = b.logical(x)
    if x.type.dtype not in ("int32", "int64"):
        ids = cast(b, ids, "int32")
    return b.tensor(b.op("Gather", b.initializer(b.weight("embeddings"), "embeddings"), ids))


@EXPORT.register(core.Masking)
def masking(spec: core.Masking, b: Scope, x: Tensor) -> Tensor:
    """X where any feature differs from the mask value, 0 elsewhere."""
    value = b.constant(np.array(spec.mask_value, np.float32), "mask_value")
    differs = cast(b, b.op("Not", b.op("Equal", b.logical(x), value)), "float32")
    return b.tensor(b.op("Mul", b.logical(x), reduce(b, "ReduceMax", differs, [-1], keepdims=True)))
