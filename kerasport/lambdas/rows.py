"""Functions passed to ``map_fn``, ``scan`` and ``foldl``: traced once, for a symbolic row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasport.errors import LayerError
from kerasport.lambdas.values import Tensor
from kerasport.layers.arguments import Arguments
from kerasport.layers.base import TensorType, Value
from kerasport.layers.body import Tracer
from kerasport.layers.rows import OverRows

if TYPE_CHECKING:
    from kerasport.lambdas.tensors import Tensors


def mapped(tensors: Tensors, function: Any, elements: Any) -> Tensor:
    """What a function gives for each row, stacked."""
    return _run(tensors, function, elements, None)[-1]


def folded(tensors: Tensors, function: Any, elements: Any, initializer: Any = None) -> Tensor:
    """What a function of the last result and a row gives in the end."""
    first, rest = _started(tensors, elements, initializer)
    return _run(tensors, function, rest, first)[0]


def scanned(tensors: Tensors, function: Any, elements: Any, initializer: Any = None) -> Any:
    """What a function of the last result and a row gives, for each row."""
    first, rest = _started(tensors, elements, initializer)
    found = _run(tensors, function, rest, first)[-1]
    if initializer is not None:
        return found
    return tensors.operation("Concatenate", [tensors.operation("ExpandDims", first, axis=0), found], axis=0)


def carried(tensors: Tensors, function: Any, initial: Any, elements: Any) -> list[Tensor]:
    """What a function of the last state and a row gives: the final one, and for each row what comes with it."""
    return _run(tensors, function, elements, Tensor(_value(tensors, initial)), carries=True)


def _started(tensors: Tensors, elements: Any, initializer: Any) -> tuple[Tensor, Any]:
    """The first state, and the rows behind it."""
    if isinstance(elements, list | tuple) or isinstance(initializer, list | tuple):
        raise LayerError("its function goes through the rows of several tensors with a state")
    if initializer is not None:
        return Tensor(_value(tensors, initializer)), elements
    return tensors.subscript(elements, 0), tensors.subscript(elements, slice(1, None))


def _run(tensors: Tensors, function: Any, elements: Any, state: Tensor | None, carries: bool = False) -> list[Tensor]:
    """The final state, if there is one, and the stacked results."""
    several = isinstance(elements, list | tuple)
    whole = [_value(tensors, x) for x in (elements if several else [elements])]
    if not whole or not all(value.type.rank for value in whole):
        raise LayerError("its function goes through the rows of what has none")
    depth = tensors.depth + 1
    rows = [_row(value.type, f"<{depth}>row:{place}") for place, value in enumerate(whole)]
    states = [] if state is None else [Value(f"<{depth}>state", state.value.type)]
    tracer = Tracer([*rows, *states], str(depth))
    inner = tensors.inside(Arguments((), {}, [], tracer.emit))
    row = [Tensor(value) for value in rows]
    given = (row if isinstance(elements, list) else tuple(row)) if several else row[0]
    result = inner.call(function, (*map(Tensor, states), given), {})
    results = list(result) if carries and isinstance(result, list | tuple) else [result] * (len(states) + 1)
    if len(results) != len(states) + 1 or any(isinstance(item, list | tuple | dict) for item in results):
        raise LayerError("its function gives several tensors for each row")
    found = [_value(inner, item) for item in results]
    for last, new in zip(states, found, strict=False):
        if (new.type.shape, new.type.dtype) != (last.type.shape, last.type.dtype):
            raise LayerError("its function gives a result of another shape than the one before")
    body = tracer.body(found)
    spec = OverRows(body=body, states=len(states))
    firsts = [] if state is None else [state.value]
    return [Tensor(value) for value in tensors.arguments.emit_all(spec, *whole, *firsts, *body.captured)]


def _value(tensors: Tensors, x: Any) -> Value:
    return x.value if isinstance(x, Tensor) else tensors.materialized(x)


def _row(type_: TensorType, name: str) -> Value:
    """What stands for any row."""
    return Value(name, TensorType(type_.shape[1:], type_.dtype))
