"""What ONNX files are made of, where onnx itself would hold them in memory whole.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations


def varint(value: int) -> bytes:
    """A number that is not negative, seven bits a byte, the lowest first."""
    parts: list[int] = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))
