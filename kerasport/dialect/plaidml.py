"""What the PlaidML backend computes differently: ReLU at its threshold, smooth upsampling at the edge.

See plaidml/op.py and plaidml/keras/backend.py.
"""

from __future__ import annotations

from typing import Any

from kerasport.dialect.writer import Writer

_CHANGES: dict[str, dict[str, Any]] = {"ReLU": {"inclusive": 1.0}, "UpSampling2D": {"fades": True}}


def upgrade(name: str, config: dict[str, Any], writer: Writer) -> str:
    """Makes the backend's arithmetic explicit in a canonical config; gives the class's name."""
    config.update(_CHANGES.get(name, {}))
    return name
