"""The hash function of a layer."""

from __future__ import annotations

from dataclasses import dataclass

from kerasport.errors import LayerError
from kerasport.layers.config import Config

STRINGS_HINT = (
    "kerasport predict --engine reference computes it; or split the model behind this layer and pass its result"
)


@dataclass(frozen=True)
class Hash:
    """A hash of strings and of numbers' decimal digits to 64 bits.

    Attributes:
        key: The two halves of SipHash's key; None for FarmHash's Fingerprint64, which has none.
    """

    key: tuple[int, int] | None = None


def salt(config: Config) -> tuple[int, int] | None:
    """Keras's key salt: one whole number for both halves of the key, two, or none.

    Raises:
        LayerError: It is something else.
    """
    raw = config.get("salt", None)
    if raw is None:
        return None
    numbers = [raw, raw] if isinstance(raw, int) else list(raw) if isinstance(raw, list | tuple) else []
    if len(numbers) != 2 or not all(isinstance(number, int) for number in numbers):
        raise LayerError(f"salt is {str(raw)[:80]!r} where one or two whole numbers are needed")
    first, second = (number % (1 << 64) for number in numbers)
    return first, second
