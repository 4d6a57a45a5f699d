"""Typed access to one layer's canonical config; a key that is neither read nor declared ignorable is an error."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kerasport.errors import LayerError
from kerasport.layers.base import LARGEST, Spec
from kerasport.layers.functions import Function, function
from kerasport.limits import limits

# Keys that every Keras layer may carry and that never change what inference computes.
TRAINING_ONLY = frozenset(
    [
        "name",
        "trainable",
        "dtype",
        "batch_input_shape",
        "batch_shape",
        "input_shape",
        "input_dim",
        "input_dtype",
        "sparse",
        "ragged",
        "build_config",
        "kernel_initializer",
        "bias_initializer",
        "kernel_regularizer",
        "bias_regularizer",
        "activity_regularizer",
        "kernel_constraint",
        "bias_constraint",
        "lora_rank",
        "lora_alpha",
        "quantization_config",
        "distribution",
    ]
)
_MISSING: Any = object()


class Config:
    """One layer's config. Every getter marks its key as read; ``unread`` lists the rest.

    Args:
        values: The canonical (Keras 3) config.
        ignored: More keys that change nothing at inference; "*" for all.
        inner: The specs of wrapped layers, by config key.
        class_name: The canonical class name, for specs that several classes share.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        ignored: Collection[str] = (),
        inner: Mapping[str, Spec] | None = None,
        class_name: str = "",
    ) -> None:
        self.class_name = class_name
        self._values = values
        self.inner = dict(inner or {})
        self._read: set[str] = set(TRAINING_ONLY) | set(ignored)

    def unread(self) -> dict[str, Any]:
        """What was neither read nor excused, in file order."""
        if "*" in self._read:
            return {}
        return {key: value for key, value in self._values.items() if key not in self._read}

    def ignore(self, *keys: str) -> None:
        """Excuses keys that change nothing at inference."""
        self._read.update(keys)

    def get(self, key: str, default: Any = _MISSING) -> Any:
        """The raw value; LayerError when it is missing and has no default."""
        self._read.add(key)
        value = self._values.get(key, default)
        if value is _MISSING:
            raise LayerError(f"its config has no {key!r}")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """A flag; numbers and None count by truth."""
        return bool(self.get(key, default))

    def integer(self, key: str, default: Any = _MISSING) -> int:
        """A whole number; a whole float counts."""
        value = self.get(key, default)
        if isinstance(value, bool) or not _is_whole(value):
            raise self._wrong(key, value, "a whole number")
        return int(value)

    def count(self, key: str) -> int:
        """How many layers there are to be: no more than any model has, whatever a file says."""
        value, most = self.integer(key), limits().layers
        if not 0 <= value <= most:
            raise self._wrong(key, value, f"a number of layers up to {most:,}")
        return value

    def number(self, key: str, default: Any = _MISSING) -> float:
        """A number. Keras 2 files may hold a 0-d array written as a dict or a one-item list."""
        value = self.get(key, default)
        if isinstance(value, dict):
            value = value.get("value", value.get("config", {}).get("value"))
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, value, "a number")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        """A number, or None."""
        return None if self.get(key, None) is None else self.number(key)

    def choice(self, key: str, choices: Collection[str], default: Any = _MISSING) -> str:
        """One of some strings, whatever their case."""
        value = self.get(key, default)
        if not isinstance(value, str) or value.lower() not in choices:
            raise self._wrong(key, value, " or ".join(repr(choice) for choice in sorted(choices)))
        return value.lower()

    def integers(self, key: str, count: int | None = None, default: Any = _MISSING) -> tuple[int, ...]:
        """A tuple of whole numbers; a single number stands for ``count`` equal ones."""
        value = self.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool):
            value = [value] * (count or 1)
        numbers = isinstance(value, list | tuple) and all(map(_is_whole, value))
        if not numbers or (count is not None and len(value) != count):
            raise self._wrong(key, value, f"{count or 'some'} whole numbers")
        return tuple(int(v) for v in value)

    def pairs(self, key: str, count: int, default: Any = _MISSING) -> tuple[tuple[int, int], ...]:
        """(before, after) for each of ``count`` axes, from a number, numbers or pairs."""
        value = self.get(key, default)
        if isinstance(value, int):
            value = [value] * count
        if count == 1 and isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], int):
            value = [value]
        try:
            pairs = tuple((v, v) if isinstance(v, int) else (int(v[0]), int(v[1])) for v in value)
        except (TypeError, IndexError, ValueError):
            pairs = ()
        if len(pairs) != count or not all(_is_whole(number) for pair in pairs for number in pair):
            raise self._wrong(key, value, f"a number or {count} pairs")
        return pairs

    def channels_first(self, key: str = "data_format") -> bool:
        """Whether the layer's data has its channels right after the batch."""
        value = self.get(key, None)
        if value not in (None, "channels_last", "channels_first"):
            raise self._wrong(key, value, "'channels_last' or 'channels_first'")
        return bool(value == "channels_first")

    def activation(self, key: str = "activation", default: Any = None) -> Function:
        """An activation function in canonical form; None is linear."""
        return function(self.get(key, default))

    def expect(self, key: str, *allowed: Any) -> None:
        """Accepts a key only with values whose effect is implemented."""
        value = self.get(key, allowed[0])
        if value not in allowed:
            raise LayerError(f"{key}={value!r} is not supported")

    @staticmethod
    def _wrong(key: str, value: Any, wanted: str) -> LayerError:
        return LayerError(f"{key} is {str(value)[:80]!r} where {wanted} is needed")


def _is_whole(value: Any) -> bool:
    """Whether it is a whole number that an ONNX attribute can hold."""
    return isinstance(value, int | float) and abs(value) <= LARGEST and value == int(value)
