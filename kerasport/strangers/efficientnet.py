"""Layers of efficientnet, which segmentation-models uses."""

from __future__ import annotations

from kerasport.custom.registration import alias
from kerasport.layers.core import Identity

alias("FixedDropout", spec=Identity, ignored="rate noise_shape seed")
