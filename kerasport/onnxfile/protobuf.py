"""Reads and writes the protobuf encoding of ONNX files where onnx would hold them in memory whole.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

VARINT, BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
_LONGEST = 10  # bytes of a number of 64 bits


def serialize(model: onnx.ModelProto) -> bytes:
    """The bytes of a model, the same for the same content.

    Raises:
        MemoryError: There is no room for them; protobuf raises an EncodeError then.
    """
    from google.protobuf.message import EncodeError

    try:
        return bytes(model.SerializeToString(deterministic=True))
    except EncodeError as error:
        raise MemoryError("no room for the ONNX graph") from error


def varint(value: int) -> bytes:
    """A number that is not negative, seven bits a byte, the lowest first."""
    parts: list[int] = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def read_varint(data: mmap | bytes, position: int) -> tuple[int, int]:
    """A number, and the position behind it.

    Raises:
        ValueError: It does not end where a number of 64 bits has to.
        IndexError: The data end within it.
    """
    value = 0
    for index in range(_LONGEST):
        byte = data[position + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a number has more than 64 bits")


def fields(data: mmap | bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """The fields of a message: number, wire type, where the field begins, where its content begins, where it ends.

    Raises:
        ValueError: It is not a message.
    """
    position = start
    while position < end:
        first = position
        key, position = read_varint(data, position)
        content, kind = position, key & 7
        if kind == BYTES:
            size, content = read_varint(data, position)
            position = content + size
        elif kind == VARINT:
            _, position = read_varint(data, position)
        elif kind in _FIXED:
            position += _FIXED[kind]
        else:
            raise ValueError(f"there is no wire type {kind}")
        if position > end:
            raise ValueError("it ends within a field")
        yield key >> 3, kind, first, content, position
