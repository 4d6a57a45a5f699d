"""Layers of efficientnet and MobileNetV3, which segmentation-models uses."""

from __future__ import annotations

from kerasport.custom.registration import alias
from kerasport.layers.core import Identity
from kerasport.plugins import CustomLayer, Tensor, compose, ops

alias("FixedDropout", spec=Identity, ignored="rate noise_shape seed")


@compose("HSwish", "HardSwish", mask="dropped")
def hard_swish(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x * relu6(x + 3) / 6`` (Searching for MobileNetV3, arXiv:1905.02244, section 5.2)."""
    return ops.hard_silu(x)
