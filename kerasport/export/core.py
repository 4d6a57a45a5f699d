"""Dense, Embedding, Masking and data movement, in ONNX."""

from __future__ import annotations

from collections.abc import Callable

from kerasport.export.activation import apply
from kerasport.export.arrays import Lazy, combine
from kerasport.export.builder import Scope
from kerasport.export.layout import Flattened, Perm, Tensor, identity_perm
from kerasport.export.ops import any_, cast, differs, reshape, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.export.stored import Kernel, effective
from kerasport.layers import core


@EXPORT.register(core.Identity)
def identity(spec: core.Identity, b: Scope, x: Tensor) -> Tensor:
    """No node."""
    return x


@EXPORT.register(core.Dense)
def dense(spec: core.Dense, b: Scope, x: Tensor) -> Tensor:
    """Gemm for rank 2; MatMul and Add else. Behind a Flatten, the kernel's rows take on the stored order."""
    rank = x.type.rank
    perm = x.perm if x.perm[-1] == rank - 1 else identity_perm(rank)
    value, arranged = _unflattened(b, x, perm)
    kernel = Kernel(b, spec.stored, spec.layout(x.type.shape[-1]), arranged, (1,))
    y = kernel.product(value, rank, b.weight("bias") if spec.use_bias else None)
    return apply(b, spec.activation, b.tensor(y, x.type.with_shape((*x.type.shape[:-1], spec.units)), perm))


def _unflattened(b: Scope, x: Tensor, perm: Perm) -> tuple[str, Callable[[Lazy], Lazy]]:
    """A Dense's input, and what its kernel needs: where a Flatten had to transpose, the value before; rows to match."""
    flat = b.builder.flattened.get(x.name)
    if flat is None or not b.builder.fold:
        return b.arrange(x, perm), lambda kernel: kernel
    rows, dims = [flat.order.index(axis) - 1 for axis in range(1, len(flat.order))], flat.dims
    return b.once(
        "Flatten", flat.source
    ), lambda kernel: kernel.reshape(*dims, kernel.shape[-1]).transpose(*rows, len(rows)).reshape(*kernel.shape)


@EXPORT.register(core.Flatten)
def flatten(spec: core.Flatten, b: Scope, x: Tensor) -> Tensor:
    """Flatten of the value in channels-last order."""
    rank = x.type.rank
    if rank == 2:
        return x
    if rank == 1:
        return b.tensor(unsqueeze(b, x.name, [1]))
    wanted = (0, *range(2, rank), 1) if spec.channels_first else identity_perm(rank)
    sizes = x.type.shape
    if [axis for axis in x.perm if sizes[axis] != 1] == [axis for axis in wanted if sizes[axis] != 1]:
        return b.tensor(b.op("Flatten", x.name))
    y = b.tensor(b.op("Flatten", b.arrange(x, wanted)))
    dims = [sizes[axis] for axis in wanted[1:]]
    if None not in dims and x.perm[0] == 0:
        order = tuple(x.perm.index(axis) for axis in wanted)
        b.builder.flattened[y.name] = Flattened(x.name, tuple(dim or 0 for dim in dims), order)
    return y


@EXPORT.register(core.Reshape)
def reshape_layer(spec: core.Reshape, b: Scope, x: Tensor) -> Tensor:
    """Reshape with the batch copied, or inferred; nothing where it brings back axes that were dropped before."""
    before = b.builder.squeezed.get(x.name)
    if before is not None and before.type.shape == b.output_type.shape and b.builder.fold:
        return before
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
    return rows(spec, b, x)


def rows(spec: core.Embedding, b: Scope, x: Tensor) -> Tensor:
    """The table's rows by ids."""
    ids = b.logical(x)
    if x.type.dtype not in ("int32", "int64"):
        ids = cast(b, ids, "int32")
    return b.tensor(b.op("Gather", b.initializer(effective(b, spec.stored, spec.layout), "embeddings"), ids))


@EXPORT.register(core.Masking)
def masking(spec: core.Masking, b: Scope, x: Tensor) -> Tensor:
    """X where any feature differs from the mask value, 0 elsewhere."""
    value = b.logical(x)
    kept = any_(b, differs(b, value, spec.mask_value, "float32"), [-1], keepdims=False)
    return b.tensor(b.op("Where", unsqueeze(b, kept, [-1]), value, b.constant(0.0, "zero")))


@EXPORT.register(core.RandomFourierFeatures)
def random_fourier_features(spec: core.RandomFourierFeatures, b: Scope, x: Tensor) -> Tensor:
    """Gemm with the scaled kernel, and Cos."""
    parts = [b.weight("unscaled_kernel"), b.weight("kernel_scale")]
    kernel = combine("fourier", lambda unscaled, scale: unscaled / scale, parts, parts[0].shape)
    names = (b.initializer(kernel, "kernel"), b.initializer(b.weight("bias"), "bias"))
    return b.tensor(b.op("Cos", b.op("Gemm", b.logical(x), *names)))
