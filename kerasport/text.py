"""How shapes and sizes are shown to users."""

from __future__ import annotations

from collections.abc import Sequence


def shape_text(shape: Sequence[int | None]) -> str:
    """(None, 28, 28, 1) as "?×28×28×1"."""
    return "×".join("?" if dim is None else str(dim) for dim in shape) or "scalar"


def dims_text(shape: Sequence[int | None]) -> str:
    """(None, 28, 28, 1) as ``--input-shape`` takes it: "?x28x28x1"."""
    return "x".join("?" if dim is None else str(dim) for dim in shape)


def size_text(size: int) -> str:
    """A number of bytes for people."""
    value = float(size)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"
