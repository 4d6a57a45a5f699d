"""Hashes of the decimal digits of integers, and of several integers together, in ONNX.

FarmHash's Fingerprint64 (https://github.com/google/farmhash, farmhashna) for up to 20 bytes, and SipHash-2-4
(https://www.aumasson.jp/siphash/).
"""

from __future__ import annotations

from kerasport.export.builder import Scope
from kerasport.export.ops import squeeze
from kerasport.export.words import Digits, Word, chosen, constant, digits
from kerasport.layers.hashes import Hash

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSS = 0xC6A4A7935BD1E995


def remainder_of_digits(b: Scope, value: str, hash_: Hash, bins: int) -> str:
    """The hash of whole numbers' texts, modulo the number of bins; int64 to int64."""
    text = digits(b, value)
    word = _fingerprint(text) if hash_.key is None else _siphash(text, *hash_.key)
    return squeeze(b, word.remainder(bins), [-1])


def crossed(first: Word, second: Word) -> Word:
    """TensorFlow's FingerprintCat64 of two hashes."""
    result = first ^ _CROSS
    result = result ^ _mixed(second * _CROSS) * _CROSS
    result = _mixed(result * _CROSS) * _CROSS
    return _mixed(result)


def _fingerprint(text: Digits) -> Word:
    size = text.size
    factor = size * 2 + _K2
    cases = [
        (text.at_least(17), _of_17_to_32(text, factor)),
        (text.at_least(8), _of_8_to_16(text, factor)),
        (text.at_least(4), _joined(size + text.word(0, 4) * 8, text.word(size + -4, 4), factor)),
    ]
    return chosen(cases, _of_1_to_3(text))


def _of_1_to_3(text: Digits) -> Word:
    y = text.word(0, 1) + text.word(text.size >> 1, 1) * 256
    z = text.size + text.word(text.size + -1, 1) * 4
    return _mixed(y * _K2 ^ z * _K0) * _K2


def _of_8_to_16(text: Digits, factor: Word) -> Word:
    a, b = text.word(0) + _K2, text.word(text.size + -8)
    return _joined(b.right(37) * factor + a, (a.right(25) + b) * factor, factor)


def _of_17_to_32(text: Digits, factor: Word) -> Word:
    a, b = text.word(0) * _K1, text.word(8)
    c, d = text.word(text.size + -8) * factor, text.word(text.size + -16) * _K2
    return _joined((a + b).right(43) + c.right(30) + d, a + (b + _K2).right(18) + c, factor)


def _joined(first: Word, second: Word, factor: Word) -> Word:
    a = _mixed((first ^ second) * factor)
    return _mixed((second ^ a) * factor) * factor


def _mixed(word: Word) -> Word:
    return word ^ word >> 47


_State = tuple[Word, Word, Word, Word]


def _siphash(text: Digits, first: int, second: int) -> Word:
    """Up to two whole words of the text, then the rest of it with its size."""
    start = [first ^ 0x736F6D6570736575, second ^ 0x646F72616E646F6D,
             first ^ 0x6C7967656E657261, second ^ 0x7465646279746573]  # fmt: skip
    a, b, c, d = (constant(text.b, number) for number in start)
    none = (a, b, c, d)
    one = _absorbed(none, text.word(0))
    two = _absorbed(one, text.word(8))
    conditions = text.at_least(16), text.at_least(8)
    states = zip(two, one, none, strict=True)
    a, b, c, d = (chosen(list(zip(conditions, words[:2], strict=True)), words[2]) for words in states)
    last = text.word((text.size >> 3) * 8) ^ text.size * (1 << 56)
    a, b, c, d = _absorbed((a, b, c, d), last)
    state = (a, b, c ^ 0xFF, d)
    for _ in range(4):
        state = _sip_round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _absorbed(state: _State, word: Word) -> _State:
    a, b, c, d = state
    a, b, c, d = _sip_round(_sip_round((a, b, c, d ^ word)))
    return a ^ word, b, c, d


def _sip_round(state: _State) -> _State:
    a, b, c, d = state
    a, c = a + b, c + d
    b, d = b.left(13) ^ a, d.left(16) ^ c
    a = a.left(32)
    c, a = c + b, a + d
    b, d = b.left(17) ^ c, d.left(21) ^ a
    return a, b, c.left(32), d
