"""The hashes of TensorFlow's string operations, on bytes and Python integers.

FarmHash's Fingerprint64: https://github.com/google/farmhash (farmhashna); SipHash-2-4: https://www.aumasson.jp/siphash/
"""

from __future__ import annotations

from kerasport.layers.hashes import Hash

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSS = 0xC6A4A7935BD1E995


def digest(hash_: Hash, data: bytes) -> int:
    """The 64 bits of a string's hash."""
    return fingerprint(data) if hash_.key is None else siphash(data, *hash_.key)


def fingerprint(data: bytes) -> int:
    """FarmHash's Fingerprint64."""
    for most, function in ((16, _up_to_16), (32, _up_to_32), (64, _up_to_64)):
        if len(data) <= most:
            return function(data)
    return _longer(data)


def crossed(first: int, second: int) -> int:
    """TensorFlow's FingerprintCat64 of two hashes."""
    result = first ^ _CROSS
    result ^= _mixed(second * _CROSS & _MASK) * _CROSS & _MASK
    result = _mixed(result * _CROSS & _MASK) * _CROSS & _MASK
    return _mixed(result)


def siphash(data: bytes, first: int, second: int) -> int:
    """SipHash-2-4 with the two halves of its key."""
    state = [first ^ 0x736F6D6570736575, second ^ 0x646F72616E646F6D,
             first ^ 0x6C7967656E657261, second ^ 0x7465646279746573]  # fmt: skip
    whole = len(data) // 8 * 8
    last = int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56
    for word in [*(_word(data, start) for start in range(0, whole, 8)), last]:
        state[3] ^= word
        state = _sip_round(_sip_round(state))
        state[0] ^= word
    state[2] ^= 0xFF
    for _ in range(4):
        state = _sip_round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_round(state: list[int]) -> list[int]:
    a, b, c, d = state
    a = a + b & _MASK
    c = c + d & _MASK
    b, d = _left(b, 13) ^ a, _left(d, 16) ^ c
    a = _left(a, 32)
    c = c + b & _MASK
    a = a + d & _MASK
    b, d = _left(b, 17) ^ c, _left(d, 21) ^ a
    return [a, b, _left(c, 32), d]


def _word(data: bytes, start: int, size: int = 8) -> int:
    """A little-endian number; a negative start counts from the end."""
    start = start if start >= 0 else len(data) + start
    return int.from_bytes(data[start : start + size], "little")


def _left(value: int, count: int) -> int:
    return (value << count | value >> 64 - count) & _MASK


def _right(value: int, count: int) -> int:
    return _left(value, 64 - count)


def _mixed(value: int) -> int:
    return value ^ value >> 47


def _joined(first: int, second: int, factor: int) -> int:
    a = _mixed((first ^ second) * factor & _MASK)
    b = _mixed((second ^ a) * factor & _MASK)
    return b * factor & _MASK


def _up_to_16(data: bytes) -> int:
    size = len(data)
    factor = _K2 + size * 2
    if size >= 8:
        a, b = _word(data, 0) + _K2 & _MASK, _word(data, -8)
        c = _right(b, 37) * factor + a & _MASK
        return _joined(c, (_right(a, 25) + b) * factor & _MASK, factor)
    if size >= 4:
        return _joined(size + (_word(data, 0, 4) << 3), _word(data, -4, 4), factor)
    if not size:
        return _K2
    y = data[0] + (data[size >> 1] << 8)
    z = size + (data[-1] << 2)
    return _mixed((y * _K2 ^ z * _K0) & _MASK) * _K2 & _MASK


def _up_to_32(data: bytes) -> int:
    factor = _K2 + len(data) * 2
    a, b = _word(data, 0) * _K1 & _MASK, _word(data, 8)
    c, d = _word(data, -8) * factor & _MASK, _word(data, -16) * _K2 & _MASK
    first = _right(a + b & _MASK, 43) + _right(c, 30) + d & _MASK
    return _joined(first, a + _right(b + _K2 & _MASK, 18) + c & _MASK, factor)


def _up_to_64(data: bytes) -> int:
    factor = _K2 + len(data) * 2
    a, b = _word(data, 0) * _K2 & _MASK, _word(data, 8)
    c, d = _word(data, -8) * factor & _MASK, _word(data, -16) * _K2 & _MASK
    y = _right(a + b & _MASK, 43) + _right(c, 30) + d & _MASK
    z = _joined(y, a + _right(b + _K2 & _MASK, 18) + c & _MASK, factor)
    e, f = _word(data, 16) * factor & _MASK, _word(data, 24)
    g, h = (y + _word(data, -32)) * factor & _MASK, (z + _word(data, -24)) * factor & _MASK
    first = _right(e + f & _MASK, 43) + _right(g, 30) + h & _MASK
    return _joined(first, e + _right(f + a & _MASK, 18) + g & _MASK, factor)


def _weak(data: bytes, start: int, a: int, b: int) -> tuple[int, int]:
    """32 bytes into two numbers."""
    w, x, y, z = (_word(data, start + offset) for offset in (0, 8, 16, 24))
    a = a + w & _MASK
    b = _right(b + a + z & _MASK, 21)
    c = a
    a = a + x + y & _MASK
    b = b + _right(a, 44) & _MASK
    return a + z & _MASK, b + c & _MASK


def _longer(data: bytes) -> int:
    x = seed = 81
    y = seed * _K1 + 113 & _MASK
    z = _mixed(y * _K2 + 113 & _MASK) * _K2 & _MASK
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _word(data, 0) & _MASK
    end = (len(data) - 1) // 64 * 64
    for start in range(0, end, 64):
        x, y, z, v, w = _block(data, start, _K1, (x, y, z), v, w)
        z, x = x, z
    factor = _K1 + ((z & 0xFF) << 1) & _MASK
    w = (w[0] + (len(data) - 1 & 63) & _MASK, w[1])
    v = (v[0] + w[0] & _MASK, v[1])
    w = (w[0] + v[0] & _MASK, w[1])
    x, y, z, v, w = _block(data, len(data) - 64, factor, (x, y, z), v, w, 9)
    z, x = x, z
    first = _joined(v[0], w[0], factor) + _mixed(y) * _K0 + z & _MASK
    return _joined(first, _joined(v[1], w[1], factor) + x & _MASK, factor)


_Pair = tuple[int, int]


def _block(
    data: bytes, start: int, factor: int, state: tuple[int, int, int], v: _Pair, w: _Pair, times: int = 1
) -> tuple[int, int, int, _Pair, _Pair]:
    """64 bytes into the state; ``times`` weighs a part of it in the last block."""
    x, y, z = state
    x = _right(x + y + v[0] + _word(data, start + 8) & _MASK, 37) * factor & _MASK
    y = _right(y + v[1] + _word(data, start + 48) & _MASK, 42) * factor & _MASK
    x ^= w[1] * times & _MASK
    y = y + v[0] * times + _word(data, start + 40) & _MASK
    z = _right(z + w[0] & _MASK, 33) * factor & _MASK
    v = _weak(data, start, v[1] * factor & _MASK, x + w[0] & _MASK)
    w = _weak(data, start + 32, z + w[1] & _MASK, y + _word(data, start + 16) & _MASK)
    return x, y, z, v, w
