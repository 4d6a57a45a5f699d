"""Folds time into the batch for TimeDistributed, (batch, time, ...) to (batch * time, ...), and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kerasport.layers.base import Spec, Value
from kerasport.layers.wrappers import FoldTime, UnfoldTime


@dataclass(frozen=True)
class Flow:
    """A tensor with its mask on the way through the layers; no value where a layer before is unsupported."""

    value: Value | None
    mask: Value | None = None


def values_of(flows: Sequence[Flow]) -> tuple[Value, ...]:
    """The tensors that are known, without their masks."""
    return tuple(flow.value for flow in flows if flow.value is not None)


class TimeAxis:
    """Folds time into the batch; what one layer unfolded and the next one folds again is taken as it was.

    Args:
        emit: Adds a call of a spec on tensors to the graph, named after a layer.
    """

    def __init__(self, emit: Callable[[Spec, Sequence[Value], str], Value]) -> None:
        self._emit = emit
        # By the name of what was unfolded: the folded tensor, and the one with the sizes.
        self._before: dict[str, tuple[Value, Value]] = {}

    def is_unfolded(self, value: Value) -> bool:
        """Whether the tensor comes straight from ``unfolded``."""
        return value.name in self._before

    def folded(self, flow: Flow, key: str) -> Flow:
        """(batch * time, ...); a mask of more than the steps becomes one of each step, too."""
        mask = flow.mask if flow.mask and flow.mask.type.rank > 2 else None
        return Flow(self._fold(flow.value, key), self._fold(mask, key))

    def unfolded(self, flow: Flow, like: Value, key: str) -> Flow:
        """(batch, time, ...) again, with the sizes of ``like``, or of what that was unfolded like."""
        like = self._before[like.name][1] if like.name in self._before else like
        return Flow(self._unfold(flow.value, like, key), self._unfold(flow.mask, like, key))

    def _fold(self, value: Value | None, key: str) -> Value | None:
        if value is None:
            return None
        known = self._before.get(value.name)
        return known[0] if known else self._emit(FoldTime(), (value,), key)

    def _unfold(self, value: Value | None, like: Value, key: str) -> Value | None:
        if value is None:
            return None
        whole = self._emit(UnfoldTime(), (value, like), key)
        self._before[whole.name] = (value, like)
        return whole
