"""Infers from its shape in which order an ONNX model stores the axes of a value."""

from __future__ import annotations

from kerasport.layers.base import Shape

Perm = tuple[int, ...]


def channels_first(rank: int) -> Perm:
    """The order in which channels, Keras's last axis, follow the batch."""
    return (0, rank - 1, *range(1, rank - 1)) if rank > 1 else (0,)


def best_perm(shape: Shape, stored: Shape, channels_first: bool = False) -> Perm | None:
    """The order in which axes are stored: Keras's own, or channels first, if that fits better.

    Args:
        shape: In Keras's order.
        stored: As stored; () where not even its rank is known.
        channels_first: Whether only channels first will do.

    Returns:
        The order; None where none fits.
    """
    rank = len(shape)
    fitting = _perms(shape, stored or (None,) * rank)
    if channels_first:
        return next((perm for perm, _ in fitting if perm != tuple(range(rank))), None)
    return max(fitting, key=lambda entry: entry[1])[0] if fitting else None


def certain_perm(shape: Shape, stored: Shape) -> Perm | None:
    """The order in which axes are stored, where just one fits, or fits best."""
    fitting = _perms(shape, stored)
    if len(fitting) == 2 and fitting[0][1] == fitting[1][1]:
        return None
    return max(fitting, key=lambda entry: entry[1])[0] if fitting else None


def _perms(shape: Shape, stored: Shape) -> list[tuple[Perm, int]]:
    """The orders that fit, each with how many sizes are known to be the same."""
    rank = len(shape)
    if len(stored) != rank:
        return []
    orders = [tuple(range(rank))] + ([channels_first(rank)] if rank > 2 else [])
    found: list[tuple[Perm, int]] = []
    for order in orders:
        pairs = [(shape[axis], dim) for axis, dim in zip(order, stored, strict=True)]
        if all(None in pair or pair[0] == pair[1] for pair in pairs):
            found.append((order, sum(pair[0] == pair[1] is not None for pair in pairs)))
    return found
