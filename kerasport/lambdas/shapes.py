"""Compares the output shape that a Lambda declares with the shape of its function's result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas.reading import read
from kerasport.lambdas.stored import StoredFunction
from kerasport.lambdas.tensors import Tensors
from kerasport.lambdas.values import Shape, Tensor
from kerasport.layers.base import Value
from kerasport.text import shape_text


def agreed(tensors: Tensors, output: Value, said: Any, inputs: Sequence[Tensor]) -> Value:
    """The output, its sizes as known as what is said of them makes them.

    Args:
        tensors: What its function was carried out on.
        output: The output.
        said: Its sizes without the batch, a function of the inputs' shapes, or None.
        inputs: The layer's inputs.

    Raises:
        LayerError: It has other sizes.
    """
    told = _told(tensors, said, inputs)
    found = output.type.shape
    if told is None or (len(found) == 1 and told[1:] == (1,)):  # a loss, said to be a column, which no Keras makes it
        return output
    fits = len(told) == len(found) and all(
        None in (size, other) or size == other for size, other in zip(told[1:], found[1:], strict=False)
    )
    if not fits:
        shape = f"{shape_text(found)}, and its output_shape says {shape_text(told)}"
        raise LayerError(f"its function gives the shape {shape}")
    both = [size if other is None else other for size, other in zip(told[1:], found[1:], strict=True)]
    if None not in found[1:] or None in both or found[0] is not None:
        return output
    known: Tensor = tensors.operation("Reshape", Tensor(output), shape=[-1, *both])
    return known.value


def _told(tensors: Tensors, said: Any, inputs: Sequence[Tensor]) -> tuple[int | None, ...] | None:
    if isinstance(said, StoredFunction):
        given = [Shape(x.shape) for x in inputs]
        try:
            found = tensors.call(read(said)[0], (given[0] if len(given) == 1 else given,), {})
        except LayerError:  # it serves Keras alone, and may do what it likes
            return None
    else:
        found = None if said is None else (None, *said)
    is_row = isinstance(found, list | tuple) and all(size is None or isinstance(size, int) for size in found)
    return tuple(found) if is_row else None
