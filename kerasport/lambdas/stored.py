"""A Lambda's function as stored in a file, whichever Keras wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StoredFunction:
    """A function.

    Attributes:
        code: Its marshalled code as text: base64, or with each byte as a character; "" where the file has none.
        defaults: Of its last parameters.
        closure: The values of variables around it.
        name: Its name, where the file has no code.
        module: The module that has it, where the file says so.
        written: Its text, where the user has given one.
        unclear: Why it cannot be said what the layer does with it, or "".
    """

    code: str = ""
    defaults: tuple[Any, ...] = ()
    closure: tuple[Any, ...] = ()
    name: str = ""
    module: str = ""
    written: str = ""
    unclear: str = ""
