"""What the weights in a file tell of layers beyond their configs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kerasport.dialect.model import LayerDef
from kerasport.dialect.paths import Parts
from kerasport.layers.base import Shape

# The likely shape of what a layer reads, by its full name and definition; None where nothing tells.
Guess = Callable[[str, LayerDef], Shape | None]
# The name and shape of each weight of a layer, and of those that it holds, by its full name.
Stored = Callable[[Parts, str], Iterable[tuple[str, tuple[int, ...]]]]


@dataclass(frozen=True)
class Evidence:
    """What the stored weights tell; by default nothing.

    Attributes:
        likely_input: The likely shape of what a layer reads.
        stored: The weights that the file has for a layer.
    """

    likely_input: Guess = lambda name, layer: None
    stored: Stored = lambda parts, key: ()
