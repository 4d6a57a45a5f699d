"""The translations, by spec."""

from __future__ import annotations

from collections.abc import Callable

from kerasport.export.layout import Tensor
from kerasport.layers.registry import BackendRegistry

# A function (spec, scope, *inputs: Tensor) -> Tensor, or a tuple of them for several outputs.
Translation = Callable[..., Tensor | tuple[Tensor, ...]]
EXPORT: BackendRegistry[Translation] = BackendRegistry("the translation", __package__)
