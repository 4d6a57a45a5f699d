"""Symbolic tensors, shapes and names used while a function is traced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasport.layers.base import Spec, Value

if TYPE_CHECKING:
    from kerasport.assembly.parsing import Part


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the graph.

    Attributes:
        value: Which.
    """

    value: Value
    label = "a tensor"

    @property
    def shape(self) -> Shape:
        """Its shape, as far as known."""
        return Shape(self.value.type.shape)


class Shape(tuple[Any, ...]):
    """A tensor's shape: a tuple with the methods of TensorFlow's."""

    __slots__ = ()
    label = "a shape"


class Results(list[Any]):
    """What an operation with several outputs gives, some of them by name.

    Args:
        items: The outputs.
        names: Their names.
    """

    def __init__(self, items: list[Any], names: tuple[str, ...] = ()) -> None:
        super().__init__(items)
        self.names = names


@dataclass(frozen=True)
class Scope:
    """What ``with`` enters without any effect on numbers: the name of what is made within, or a device.

    Attributes:
        name: The name.
    """

    name: str
    label = "a scope"


@dataclass(frozen=True)
class Layer:
    """A layer that the function makes.

    Attributes:
        spec: What it computes.
    """

    spec: Spec
    label = "a layer"


@dataclass(frozen=True)
class Name:
    """What a module holds.

    Attributes:
        path: Its place, with the module's usual name: ``K.mean``.
    """

    path: str

    @property
    def label(self) -> str:
        """How it is shown."""
        return self.path.removeprefix("python.")


@dataclass(frozen=True)
class Surroundings:
    """What a function's result depends on beside its arguments.

    Attributes:
        backend: Keras's backend.
        data_format: ``channels_last`` or ``channels_first``, "" where the model's layers differ.
        mean: Whether random numbers are taken as the mean of their distribution.
        corners: Whether images are resized by their corners and tensors compared by identity, as before TensorFlow 2;
            None where the file does not say.
        command: What the user types to convert the model.
        part: Makes the canonical definition of a layer of the same Keras, where that is known.
    """

    backend: str = "tensorflow"
    data_format: str = "channels_last"
    mean: bool = False
    corners: bool | None = False
    command: str = "kerasport convert MODEL OUTPUT"
    part: Part | None = None
