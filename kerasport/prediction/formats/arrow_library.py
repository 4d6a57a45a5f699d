"""pyarrow, and what it says of files that it cannot read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kerasport.errors import InputError, MissingExtraError

try:
    import pyarrow as pa
except ImportError as error:
    raise MissingExtraError("Parquet and Arrow files are read and written by pyarrow.", "parquet") from error

__all__ = ["pa", "readable"]


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turns what pyarrow raises on a file that is not what it says into a sentence on the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        first, *_ = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"{name} cannot be read: {first.removesuffix('.')}.") from error
