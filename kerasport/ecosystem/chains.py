"""Messages along a chain of labels, and the path back through it: what conditional random fields are decoded with."""

from __future__ import annotations

import numpy as np

from kerasport.layers.ops import Op
from kerasport.plugins import (
    Array,
    Context,
    OnnxBuilder,
    OnnxLoop,
    OnnxTensor,
    TensorType,
    frozen,
    onnx_reduce,
    reference,
    translation,
)


@frozen
class Messages(Op):
    """``message[t, j] = max over i of (scores[t, i] + message[t - 1, i] + links[t] * chain[i, j])``, from zero.

    Its inputs are the scores (batch, steps, labels), the chain (labels, labels) and the links (batch, steps).

    Attributes:
        soft: Whether the logarithm of the sum of powers stands in the maximum's place.
    """

    soft: bool = False

    def infer(self, *inputs: TensorType) -> TensorType:
        """That of the scores."""
        return inputs[0]


@reference(Messages)
def messages_in_numpy(spec: Messages, context: Context, scores: Array, chain: Array, links: Array) -> Array:
    """Step by step."""
    found = np.zeros_like(scores)
    message = np.zeros_like(scores[:, 0])
    for step in range(scores.shape[1]):
        sums = (scores[:, step] + message)[:, :, None] + links[:, step, None, None] * chain
        message = np.logaddexp.reduce(sums, axis=1) if spec.soft else sums.max(axis=1)
        found[:, step] = message
    return found


@translation(Messages)
def messages_in_onnx(
    spec: Messages, b: OnnxBuilder, scores: OnnxTensor, chain: OnnxTensor, links: OnnxTensor
) -> OnnxTensor:
    """A Scan over the steps."""
    labels, dtype = scores.type.shape[-1] or 0, scores.type.dtype
    zero, column, square = (b.constant(value) for value in (np.array(0, dtype), [-1, labels, 1], [-1, 1, 1]))
    product = b.logical(chain)
    start = b.op("Mul", onnx_reduce(b, "ReduceMax", b.logical(scores), [1], keepdims=False), zero)

    def step(states: list[str], reads: list[str]) -> tuple[list[str], str]:
        (message,), (score, link) = states, reads
        before = b.op("Reshape", b.op("Add", score, message), column)
        sums = b.op("Add", before, b.op("Mul", b.op("Reshape", link, square), product))
        largest = onnx_reduce(b, "ReduceMax", sums, [1], keepdims=False)
        if spec.soft:
            powers = b.op("Exp", b.op("Sub", sums, b.op("Unsqueeze", largest, b.constant([1]))))
            total = onnx_reduce(b, "ReduceSum", powers, [1], keepdims=False)
            largest = b.op("Add", b.op("Log", total), largest)
        return [largest], b.op("Identity", largest)

    type_ = TensorType((None, labels), dtype)
    loop = OnnxLoop(
        states=[start],
        sequences=[b.arrange(scores, (1, 0, 2)), b.arrange(links, (1, 0))],
        state_types=[type_],
        step_types=[type_, TensorType((None,), dtype)],
        output_type=type_,
    )
    _, found = loop.run(b, step, backwards=False)
    return b.tensor(found, perm=(1, 0, 2))


@frozen
class PathBack(Op):
    """``path[t] = table[t, path[t + 1]]``, from the last step to the first.

    Its inputs are the table (batch, steps, labels) and the label behind the last step (batch); both hold labels.
    """

    def infer(self, *inputs: TensorType) -> TensorType:
        """A label for each step: (batch, steps)."""
        return inputs[0].with_shape(inputs[0].shape[:2])


@reference(PathBack)
def path_in_numpy(spec: PathBack, context: Context, table: Array, label: Array) -> Array:
    """Step by step."""
    path = np.zeros_like(table[:, :, 0])
    for step in reversed(range(table.shape[1])):
        label = path[:, step] = np.take_along_axis(table[:, step], label[:, None].astype(np.int64), axis=1)[:, 0]
    return path


@translation(PathBack)
def path_in_onnx(spec: PathBack, b: OnnxBuilder, table: OnnxTensor, label: OnnxTensor) -> OnnxTensor:
    """A Scan from the last step to the first."""
    last, dtype = b.constant([-1]), table.type.dtype

    def step(states: list[str], reads: list[str]) -> tuple[list[str], str]:
        chosen = b.op("GatherElements", reads[0], b.op("Unsqueeze", states[0], last), axis=1)
        found = b.op("Squeeze", chosen, last)
        return [found], b.op("Identity", found)

    loop = OnnxLoop(
        states=[b.logical(label)],
        sequences=[b.arrange(table, (1, 0, 2))],
        state_types=[TensorType((None,), dtype)],
        step_types=[TensorType((None, table.type.shape[-1]), dtype)],
        output_type=TensorType((None,), dtype),
    )
    _, path = loop.run(b, step, backwards=True, flip=False)
    return b.tensor(path, perm=(1, 0))
