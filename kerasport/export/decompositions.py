"""Matrix decompositions in ONNX: a Scan over rotations or reflections."""

from __future__ import annotations

import numpy as np

from kerasport.export import ops
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.loops import Loop
from kerasport.layers import matrices
from kerasport.layers.base import TensorType

# How often every pair of columns is rotated; the error falls with its square each time.
_SWEEPS = 10


def singular_values(spec: matrices.SingularValues, b: Scope, x: Tensor) -> Tensor:
    """The lengths of the columns that Hestenes's rotations have made orthogonal, in order."""
    rows, columns = spec.sizes(x.type)
    columns_of, _ = _orthogonal(b, _tall(b, x, rows < columns), min(rows, columns), x.type.rank)
    lengths = b.op("Sqrt", _squares(b, columns_of, x.type.rank, keepdims=False))
    count = b.constant([min(rows, columns)], "count")
    return b.tensor(b.op_n("TopK", 2, lengths, count, axis=x.type.rank - 2)[0])


def pseudo_inverse(spec: matrices.PseudoInverse, b: Scope, x: Tensor) -> Tensor:
    """Of ``w @ v.T`` with orthogonal columns in w: ``v / |w|^2 @ w.T``."""
    (rows, columns), rank = spec.sizes(x.type), x.type.rank
    w, v = _orthogonal(b, _tall(b, x, rows < columns), min(rows, columns), rank)
    squares = _squares(b, w, rank, keepdims=True)
    largest = ops.reduce(b, "ReduceMax", squares, [rank - 1], keepdims=True)
    counts = b.op("Greater", squares, b.op("Mul", largest, b.constant(spec.cutoff**2, "cutoff")))
    one, zero = b.constant(1.0, "one"), b.constant(0.0, "zero")
    inverse = b.op("Where", counts, b.op("Div", one, b.op("Where", counts, squares, one)), zero)
    y = b.op("MatMul", b.op("Mul", v, inverse), _turned(b, w, rank))
    return b.tensor(_turned(b, y, rank) if rows < columns else y)


def _turned(b: Scope, value: str, rank: int) -> str:
    return b.op("Transpose", value, perm=[*range(rank - 2), rank - 1, rank - 2])


def _tall(b: Scope, x: Tensor, wide: bool) -> str:
    value = b.logical(x)
    return _turned(b, value, x.type.rank) if wide else value


def _squares(b: Scope, value: str, rank: int, keepdims: bool) -> str:
    return ops.reduce(b, "ReduceSum", b.op("Mul", value, value), [rank - 2], keepdims)


def _orthogonal(b: Scope, matrix: str, size: int, rank: int) -> tuple[str, str]:
    """``w`` with orthogonal columns, and the rotation ``v`` with ``matrix @ v = w``.

    G. H. Golub, C. F. Van Loan, Matrix Computations, 8.6.3: one-sided Jacobi.
    """
    unit = np.eye(size, dtype=np.float32)
    pairs = [(p, q) for p in range(size) for q in range(p + 1, size)] * _SWEEPS
    if not pairs:
        return matrix, b.constant(unit, "unit")
    first, second = (np.array([unit[pair[side]] for pair in pairs]) for side in (0, 1))
    whole, one, zero = b.constant(unit, "unit"), b.constant(1.0, "one"), b.constant(0.0, "zero")
    # The rotation begins as the unit matrix, once for each matrix.
    blank = b.op("Mul", ops.slice_(b, matrix, rank - 2, 0, 1), zero)
    start = b.op("Add", b.op("Where", b.op("IsNaN", blank), zero, blank), whole)

    def step(states: list[str], reads: list[str]) -> tuple[list[str], str]:
        (w, v), (p, q) = states, reads
        columns = [b.op("MatMul", w, ops.unsqueeze(b, e, [1])) for e in (p, q)]
        left, right, across = (
            ops.reduce(b, "ReduceSum", b.op("Mul", columns[i], columns[j]), [rank - 2], True)
            for i, j in ((0, 0), (1, 1), (0, 1))
        )
        turn = b.op("Add", whole, _rotation(b, (left, right, across), (p, q)))
        return [b.op("MatMul", w, turn), b.op("MatMul", v, turn)], b.op("Identity", one)

    loop = Loop(
        states=[matrix, start],
        sequences=[b.constant(first, "first"), b.constant(second, "second")],
        state_types=[TensorType((None,) * rank)] * 2,
        step_types=[TensorType((size,))] * 2,
        output_type=TensorType(()),
    )
    (w, v), _ = loop.run(b, step, backwards=False)
    return w, v


def _rotation(b: Scope, products: tuple[str, str, str], axes: tuple[str, str]) -> str:
    """What to add to the unit matrix so that two columns with these products become orthogonal."""
    (left, right, across), (p, q) = products, axes
    one, zero = b.constant(1.0, "one"), b.constant(0.0, "zero")
    ratio = b.op("Div", b.op("Sub", right, left), b.op("Mul", b.constant(2.0, "two"), across))
    root = b.op("Sqrt", b.op("Add", b.op("Mul", ratio, ratio), one))
    sign = b.op("Where", b.op("Less", ratio, zero), b.constant(-1.0, "minus"), one)
    tangent = b.op("Div", sign, b.op("Add", b.op("Abs", ratio), root))
    tangent = b.op("Where", b.op("Equal", across, zero), zero, tangent)
    cosine = b.op("Reciprocal", b.op("Sqrt", b.op("Add", b.op("Mul", tangent, tangent), one)))
    pp, qq, pq, qp = (b.op("Mul", ops.unsqueeze(b, i, [1]), j) for i, j in ((p, p), (q, q), (p, q), (q, p)))
    lengths = b.op("Mul", b.op("Sub", cosine, one), b.op("Add", pp, qq))
    return b.op("Add", lengths, b.op("Mul", b.op("Mul", tangent, cosine), b.op("Sub", pq, qp)))


def qr(spec: matrices.Qr, b: Scope, x: Tensor) -> tuple[Tensor, Tensor]:
    """Householder's reflections, column by column."""
    (rows, columns), rank = spec.sizes(x.type), x.type.rank
    count = min(rows, columns)
    unit = np.eye(rows, dtype=np.float32)
    below, zero = np.tri(rows, dtype=np.float32).T[:count], b.constant(0.0, "zero")
    value, one = b.logical(x), b.constant(1.0, "one")
    column = b.op("Mul", ops.slice_(b, value, rank - 1, 0, 1), zero)
    start = b.op("Add", column, b.constant(unit, "unit"))

    def step(states: list[str], reads: list[str]) -> tuple[list[str], str]:
        (q, r), (e, mask, k) = states, reads
        x = b.op("Mul", b.op("Gather", r, k, axis=rank - 1), mask)
        head = b.op("MatMul", x, ops.unsqueeze(b, e, [1]))
        length = b.op("Sqrt", ops.reduce(b, "ReduceSum", b.op("Mul", x, x), [rank - 2], True))
        away = b.op("Where", b.op("Less", head, zero), b.op("Neg", length), length)
        v = b.op("Add", x, b.op("Mul", away, e))
        square = ops.reduce(b, "ReduceSum", b.op("Mul", v, v), [rank - 2], True)
        # Nothing is to do where all below is zero already.
        tail = b.op("Sub", b.op("Abs", x), b.op("Mul", b.op("Abs", head), e))
        done = b.op("Equal", ops.reduce(b, "ReduceMax", b.op("Abs", tail), [rank - 2], True), zero)
        factor = b.op("Where", done, zero, b.op("Div", b.constant(2.0, "two"), b.op("Where", done, one, square)))
        line, pole = ops.unsqueeze(b, b.op("Mul", factor, v), [rank - 2]), ops.unsqueeze(b, v, [rank - 1])
        new_r = b.op("Sub", r, b.op("Mul", pole, b.op("MatMul", line, r)))
        new_q = b.op("Sub", q, b.op("Mul", b.op("MatMul", q, pole), line))
        return [new_q, new_r], b.op("Identity", one)

    loop = Loop(
        states=[start, value],
        sequences=[
            b.constant(unit[:count], "units"),
            b.constant(below, "below"),
            b.constant(np.arange(count), "steps"),
        ],
        state_types=[TensorType((None,) * rank)] * 2,
        step_types=[TensorType((rows,)), TensorType((rows,)), TensorType((), "int64")],
        output_type=TensorType(()),
    )
    (q, r), _ = loop.run(b, step, backwards=False)
    width = rows if spec.complete else count
    types = [output.type for output in b.call.outputs]
    upper = np.tri(width, columns, k=-1, dtype=bool)
    r = b.op("Where", b.constant(upper, "lower"), zero, ops.slice_(b, r, rank - 2, 0, width))
    return b.tensor(ops.slice_(b, q, rank - 1, 0, width), types[0]), b.tensor(r, types[1])
