"""onnx's reference evaluator, consulted only where it is known to be right.

It is bounded, as it is slow, and what it is known to get wrong it is not asked: the operators of some 1,100 golden
models, each run alone on what ONNX Runtime gives to it, differ in the cases of ``_DOUBTS``, and in no others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from kerasport.validation.effort import seconds

if TYPE_CHECKING:
    import onnx

    from kerasport.validation.segments import Part

Array = NDArray[Any]
_PATIENCE = 5.0  # seconds


@dataclass(frozen=True)
class Suspect:
    """What the evaluator of onnx 1.23 gets wrong.

    Attributes:
        operators: The operators.
        when: In which nodes, of which opset.
        reason: What it does.
    """

    operators: tuple[str, ...]
    when: Callable[[onnx.NodeProto, int], bool]
    reason: str


def _ints(node: onnx.NodeProto, name: str) -> list[int]:
    return next((list(attribute.ints) or [attribute.i] for attribute in node.attribute if attribute.name == name), [])


def _has(node: onnx.NodeProto, *names: str) -> bool:
    return any(attribute.name in names for attribute in node.attribute)


def _has_lengths(node: onnx.NodeProto) -> bool:
    return len(node.input) > 4 and bool(node.input[4])


def _is_uneven(node: onnx.NodeProto) -> bool:
    pads = _ints(node, "pads")
    return pads[: len(pads) // 2] != pads[len(pads) // 2 :]


_RECURRENT = ("GRU", "LSTM", "RNN")
_FLOAT8 = range(17, 21)
_DOUBTS = (
    Suspect(("BatchNormalization",), lambda node, opset: opset < 14, "takes part of the batch's own statistics"),
    Suspect(("Cast",), lambda node, opset: _ints(node, "to")[0] in _FLOAT8, "scales float8 in another way"),
    Suspect(_RECURRENT, lambda node, opset: _has_lengths(node), "ignores sequence_lens"),
    Suspect(_RECURRENT, lambda node, opset: _has(node, "activations", "clip"), "ignores activations and clip"),
    Suspect(("LRN",), lambda node, opset: True, "sums over other channels"),
    Suspect(("LogSoftmax",), lambda node, opset: True, "takes the logarithm of what has underflowed"),
    Suspect(("MaxPool",), lambda node, opset: _is_uneven(node), "mistakes pads that differ"),
)


@dataclass(frozen=True)
class Answer:
    """What a further witness says.

    Attributes:
        array: What it gives, in Keras's order; None where it cannot be asked.
        reason: Why not.
    """

    array: Array | None = None
    reason: str = ""


def evaluate(part: Part, name: str, values: Mapping[str, Array]) -> Answer:
    """What onnx's reference evaluator makes of a layer's part of the graph.

    Args:
        part: The nodes of one layer.
        name: The ONNX value that they give.
        values: What they read.
    """
    model, output = part.as_model(name, values)
    weights = part.skeleton.weights
    feeds = {
        port.name: values[port.name] if port.name in values else weights[port.name].read() for port in model.graph.input
    }
    doubt = next(doubts(model), None)
    if doubt is not None:
        return Answer(reason=doubt)
    needed = seconds(model, {name: array.shape for name, array in feeds.items()})
    if needed > _PATIENCE:
        return Answer(reason=f"it would take about {needed:.0f} s")
    return _evaluated(model, output, feeds)


def _evaluated(model: onnx.ModelProto, output: str, feeds: Mapping[str, Array]) -> Answer:
    from onnx.reference import ReferenceEvaluator

    try:
        with np.errstate(all="ignore"), catch_warnings():
            simplefilter("ignore")
            (array,) = ReferenceEvaluator(model).run([output], dict(feeds))
    except Exception as error:  # whatever its operators raise
        return Answer(reason=f"it fails: {type(error).__name__}: {str(error)[:200]}")
    return Answer(np.asarray(array))


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g)


def doubts(model: onnx.ModelProto) -> Iterator[str]:
    """Why the evaluator is not to be believed on a model."""
    opset = next((entry.version for entry in model.opset_import if not entry.domain), 1)
    for node in _nodes(model.graph):
        for doubt in _DOUBTS:
            if node.op_type in doubt.operators and doubt.when(node, opset):
                yield f"its {node.op_type} {doubt.reason}"
