"""Linear algebra over the last two axes in ONNX: a Scan over rows, whose body does not grow with the matrix."""

from __future__ import annotations

import numpy as np

from kerasport.export import decompositions, ops
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.loops import Loop
from kerasport.export.registry import EXPORT
from kerasport.layers import matrices
from kerasport.layers.base import TensorType

EXPORT.register(matrices.SingularValues)(decompositions.singular_values)
EXPORT.register(matrices.PseudoInverse)(decompositions.pseudo_inverse)
EXPORT.register(matrices.Qr)(decompositions.qr)


@EXPORT.register(matrices.Solve)
def solve(spec: matrices.Solve, b: Scope, a: Tensor, right: Tensor) -> Tensor:
    """Substitution in a triangle; else Gauss and Jordan's elimination, which leaves the solution on the right side."""
    size = spec.size(a.type)
    if spec.triangle:
        return b.tensor(_substituted(b, b.logical(a), b.logical(right), size, a.type.rank, spec.triangle))
    both = b.op("Concat", b.logical(a), b.logical(right), axis=-1)
    reduced, _ = _eliminated(b, both, size, a.type)
    return b.tensor(ops.slice_(b, reduced, a.type.rank - 1, size, np.iinfo(np.int64).max))


def _substituted(b: Scope, matrix: str, right: str, size: int, rank: int, triangle: str) -> str:
    """Row by row from where a triangle has one number: its unknown, and what the others' equations lose by it."""
    zero = b.constant(0.0, "zero")
    sequences = [b.constant(np.eye(size, dtype=bool), "units"), b.constant(np.arange(size), "steps")]

    def step(states: list[str], reads: list[str]) -> tuple[list[str], str]:
        (rest,), (unit, k) = states, reads
        here = ops.unsqueeze(b, unit, [1])
        column = ops.unsqueeze(b, b.op("Gather", matrix, k, axis=rank - 1), [rank - 1])
        pivot, row = (
            ops.reduce(b, "ReduceSum", b.op("Where", here, value, zero), [rank - 2], keepdims=True)
            for value in (column, rest)
        )
        found = b.op("Div", row, pivot)
        return [b.op("Where", here, found, b.op("Sub", rest, b.op("Mul", column, found)))], pivot

    loop = Loop(
        states=[right],
        sequences=sequences,
        state_types=[TensorType((None,) * rank)],
        step_types=[TensorType((size,), "bool"), TensorType((), "int64")],
        output_type=TensorType((None,) * rank),
    )
    (solution,), _ = loop.run(b, step, backwards=triangle == "upper")
    return solution


@EXPORT.register(matrices.Determinant)
def determinant(spec: matrices.Determinant, b: Scope, x: Tensor) -> tuple[Tensor, Tensor]:
    """The product of the pivots as signs and a sum of logarithms."""
    _, pivots = _eliminated(b, b.logical(x), spec.size(x.type), x.type)
    sign = ops.reduce(b, "ReduceProd", b.op("Sign", pivots), [0], keepdims=False)
    logarithm = ops.reduce(b, "ReduceSum", b.op("Log", b.op("Abs", pivots)), [0], keepdims=False)
    return b.tensor(sign), b.tensor(logarithm)


def _eliminated(b: Scope, matrix: str, size: int, type_: TensorType) -> tuple[str, str]:
    """The matrix with units in its first columns, and the pivots, negative where two rows changed places."""
    rank = type_.rank
    zero, places = b.constant(0.0, "zero"), b.constant(np.arange(size), "rows")
    units, left = np.eye(size, dtype=bool), np.tri(size, dtype=bool).T
    sequences = [b.constant(units, "units"), b.constant(left, "left"), b.constant(np.arange(size), "steps")]

    def step(states: list[str], reads: list[str]) -> tuple[list[str], str]:
        (m,), (unit, rows, k) = states, reads
        column = b.op("Gather", m, k, axis=rank - 1)
        candidates = b.op("Where", rows, b.op("Abs", column), b.constant(-1.0, "none"))
        best = b.op("ArgMax", candidates, axis=rank - 2, keepdims=1)
        found = ops.unsqueeze(b, b.op("Equal", best, places), [rank - 1])
        here = ops.unsqueeze(b, unit, [1])
        pivot_row = ops.reduce(b, "ReduceSum", b.op("Where", found, m, zero), [rank - 2], keepdims=True)
        old_row = ops.reduce(b, "ReduceSum", b.op("Where", here, m, zero), [rank - 2], keepdims=True)
        swapped = b.op("Where", here, pivot_row, b.op("Where", found, old_row, m))
        pivot = ops.unsqueeze(b, b.op("Gather", pivot_row, k, axis=rank - 1), [rank - 1])
        scaled = b.op("Div", pivot_row, pivot)
        factors = ops.unsqueeze(b, b.op("Gather", swapped, k, axis=rank - 1), [rank - 1])
        rest = b.op("Sub", swapped, b.op("Mul", factors, scaled))
        flat = ops.squeeze(b, pivot, [rank - 2, rank - 1])
        moved = b.op("Not", b.op("Equal", ops.squeeze(b, best, [rank - 2]), k))
        signed = b.op("Where", moved, b.op("Neg", flat), flat)
        return [b.op("Where", here, scaled, rest)], signed

    loop = Loop(
        states=[matrix],
        sequences=sequences,
        state_types=[TensorType((None,) * rank)],
        step_types=[TensorType((size,), "bool"), TensorType((size,), "bool"), TensorType((), "int64")],
        output_type=TensorType((None,) * (rank - 2)),
    )
    (reduced,), pivots = loop.run(b, step, backwards=False)
    return reduced, pivots


@EXPORT.register(matrices.Cholesky)
def cholesky(spec: matrices.Cholesky, b: Scope, x: Tensor) -> Tensor:
    """Column by column, each taken from what is left of the matrix."""
    size, rank = spec.size(x.type), x.type.rank
    below = b.constant(np.tri(size, dtype=bool).T, "below")
    steps, zero = b.constant(np.arange(size), "steps"), b.constant(0.0, "zero")

    def step(states: list[str], reads: list[str]) -> tuple[list[str], str]:
        (m,), (rows, k) = states, reads
        column = b.op("Gather", m, k, axis=rank - 1)
        root = b.op("Sqrt", ops.unsqueeze(b, b.op("Gather", column, k, axis=rank - 2), [rank - 2]))
        found = b.op("Where", rows, b.op("Div", column, root), zero)
        square = b.op("Mul", ops.unsqueeze(b, found, [rank - 1]), ops.unsqueeze(b, found, [rank - 2]))
        return [b.op("Sub", m, square)], found

    loop = Loop(
        states=[b.logical(x)],
        sequences=[below, steps],
        state_types=[TensorType((None,) * rank)],
        step_types=[TensorType((size,), "bool"), TensorType((), "int64")],
        output_type=TensorType((None,) * (rank - 1)),
    )
    _, columns = loop.run(b, step, backwards=False)
    # The columns stand along the first axis.
    return b.tensor(columns, perm=(rank - 1, *range(rank - 1)))
