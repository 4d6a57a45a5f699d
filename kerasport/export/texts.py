"""String operations that ONNX has only in part: replacing characters, lower case, n-grams."""

from __future__ import annotations

from collections.abc import Iterable

from kerasport.errors import LayerError
from kerasport.export.builder import Scope, Subgraph
from kerasport.export.ops import reshape, slice_
from kerasport.layers.base import TensorType

_FIRST_OPSET = 20
_END = (1 << 63) - 1


def require_strings(b: Scope) -> None:
    """Raises LayerError where the opset has no operators on strings."""
    if b.opset < _FIRST_OPSET:
        raise LayerError(
            f"it needs the string operators of opset {_FIRST_OPSET}", f"choose --opset {_FIRST_OPSET} or newer"
        )


def constant(b: Scope, value: str) -> str:
    """One string."""
    return b.once("Constant", value_string=value)


def concatenated(b: Scope, left: str, right: str) -> str:
    """One string behind the other, with broadcasting."""
    require_strings(b)
    return b.op("StringConcat", left, right)


def empty_like(b: Scope, value: str) -> str:
    """Empty strings."""
    return b.once("Expand", constant(b, ""), b.once("Shape", value))


def replaced(b: Scope, value: str, characters: Iterable[str], by: str, rank: int) -> str:
    """Some characters replaced by a string, which may come more often at the end, where ``by`` is not empty."""
    require_strings(b)
    nothing = empty_like(b, value)
    for character in characters:
        pieces, _ = b.op_n("StringSplit", 2, value, delimiter=character)
        value = _joined(b, pieces, nothing, constant(b, by) if by else "", rank)
    return value


def exchanged(b: Scope, value: str, character: str, by: str) -> str:
    """A character of (batch) texts replaced by a string, exactly as often as it comes."""
    require_strings(b)
    pieces, counts = b.op_n("StringSplit", 2, value, delimiter=character)
    return _joined(b, pieces, empty_like(b, value), constant(b, by), 1, counts)


def _joined(b: Scope, pieces: str, nothing: str, separator: str, rank: int, counts: str = "") -> str:
    """The strings along the last axis, one behind the other: a Loop over that axis.

    Args:
        b: Where nodes go.
        pieces: The strings, with empty ones behind the last of a row.
        nothing: Empty strings in the result's shape.
        separator: What stands before each string; "" for nothing.
        rank: Of the result.
        counts: How many strings each row has: the separator then stands between these only. "" for all.
    """
    number = b.op("Gather", b.op("Shape", pieces), b.constant(rank, "pieces_axis"))
    captured = {pieces, separator, counts, zero := b.constant(0, "zero"), empty := constant(b, "")}
    index, going, before = (b.builder.unique(f"{b.call.name}/{part}") for part in ("index", "going", "before"))
    with b.builder.body() as nodes:
        onwards = b.op("Identity", going)
        gap = separator
        if counts:
            between = b.op("And", b.op("Greater", index, zero), b.op("Less", index, counts))
            gap = b.op("Where", between, separator, empty)
        left = b.op("StringConcat", before, gap) if gap else before
        after = b.op("StringConcat", left, b.op("Gather", pieces, index, axis=rank))
    whole, flag, text = TensorType((), "int64"), TensorType((), "bool"), TensorType((None,) * rank, "string")
    inputs, outputs = [(index, whole), (going, flag), (before, text)], [(onwards, flag), (after, text)]
    captured &= {name for node in nodes for name in node.inputs if name}
    return b.op("Loop", number, "", nothing, body=Subgraph(nodes, inputs, outputs, sorted(captured)))


def lowered(b: Scope, value: str, rank: int) -> str:
    """A to Z in lower case. StringNormalizer wants one axis and at least one string, so one is put behind them."""
    flat = value if rank == 1 else reshape(b, value, [-1])
    more = b.op("Concat", flat, b.once("Constant", value_strings=[""]), axis=0)
    lower = b.op("StringNormalizer", more, case_change_action="LOWER", is_case_sensitive=1, locale="C")
    cut = slice_(b, lower, 0, 0, -1)
    return cut if rank == 1 else b.op("Reshape", cut, b.op("Shape", value))


def run_of(b: Scope, tokens: str, width: int) -> str:
    """(batch, tokens - width + 1): each token and those behind it, joined by blanks."""
    run = ""
    for start in range(width):
        part = slice_(b, tokens, 1, start, start - width + 1 or _END)
        run = concatenated(b, concatenated(b, run, constant(b, " ")), part) if run else part
    return run
