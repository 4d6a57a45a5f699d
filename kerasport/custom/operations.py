"""The operations of Keras 3 on symbolic tensors, by the names of ``keras.ops``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from kerasport.custom.tensors import Tensor, first_tensor
from kerasport.errors import LayerError
from kerasport.layers.arguments import names


class Operations:
    """``ops.softmax(x, axis=-1)``: every operation of ``keras.ops`` that kerasport supports.

    Names and arguments are those of Keras 3; where an argument is no tensor, give it by name. Functions that are
    TensorFlow's alone go by their full names: ``getattr(ops, "tf.gather")``. ``kerasport layers`` lists all.
    """

    def __getattr__(self, name: str) -> Callable[..., Tensor]:
        if name.startswith("__"):
            raise AttributeError(name)
        kind = _classes().get(name.replace("_", ""), name)

        def call(*args: Any, **options: Any) -> Any:  # a tensor, or several, which are unpacked like one
            tensor = first_tensor([*args, options])
            if tensor is None:
                raise LayerError(f"ops.{name} is called without a tensor; compute constants with NumPy")
            if kind == "Einsum":
                return tensor.call(kind, args[1:], {"subscripts": args[0], **options})
            return tensor.call(kind, args, options)

        call.__name__ = name
        return call

    def __dir__(self) -> list[str]:
        return sorted(_classes())


@cache
def _classes() -> dict[str, str]:
    """Keras 3's classes of operations by their names in small letters."""
    return {name.lower(): name for name in names() if not name.startswith("tf.")}


ops = Operations()
