"""Which Keras wrote a file, and therefore which rules it follows."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Writer:
    """A Keras.

    Attributes:
        version: (major, minor, patch); (1, 0, 0) where the file does not say.
        tensorflow: Whether it is the Keras inside TensorFlow (tf.keras).
        backend: Its backend's name, "plaidml" for the module ``plaidml.keras.backend``; "" where the file does not say.
        stored: Who wrote the weights, where that is another.
    """

    version: tuple[int, int, int]
    tensorflow: bool
    backend: str
    stored: Writer | None = None

    @property
    def keras1(self) -> bool:
        """Whether it is Keras 1."""
        return self.version < (2, 0, 0)

    @property
    def keras3(self) -> bool:
        """Whether it is Keras 3 or newer."""
        return self.version >= (3, 0, 0)

    @property
    def of_weights(self) -> Writer:
        """Who wrote the weights."""
        return self.stored or self


def writer(version: str, backend: str, stored: Writer | None = None) -> Writer:
    """Reads a version text: "2.2.4-tf", "2.1.6-tf", "3.12.4", "" ...

    tf.keras marks itself with "-tf" up to TensorFlow 2.4; from 2.5 on there is no other Keras 2.

    Args:
        version: The text.
        backend: The backend's name.
        stored: Who wrote the weights, where that is another.
    """
    numbers = [int(number) for number in re.findall(r"\d+", version.split("-", maxsplit=1)[0])[:3]] or [1]
    major, minor, patch = (*numbers, 0, 0)[:3]
    tensorflow = "tf" in version or (2, 4) <= (major, minor) < (3, 0)
    return Writer((major, minor, patch), tensorflow, backend.partition(".")[0], stored)
