"""TextVectorization: from texts to vocabulary indices of their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Dim, Domain, TensorType
from kerasport.layers.categorical import encoded_dtype, output_mode
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.lookup import Vocabulary, depth_of, examples, idf_weights, without_special, words

# What Keras takes away as punctuation, and what TensorFlow splits at: ASCII's.
PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
BLANKS = " \t\n\v\f\r"
_STANDARDS = {
    None: (False, False),
    "lower": (True, False),
    "strip_punctuation": (False, True),
    "lower_and_strip_punctuation": (True, True),
}
_OWN = "apply it to the texts before the model, and build the layer without it"


@LAYERS.register(
    "TextVectorization",
    ignored="vocabulary_size sparse",
    opset=20,
    limits="custom functions for `standardize` and `split`, `ragged=True` and `output_mode=None` are refused;"
    " in ONNX, `ngrams` of characters too",
)
@frozen
class TextVectorization(Vocabulary):
    """The places of a text's tokens in a vocabulary, padded with 0, or their encoding.

    Texts are changed first (A to Z to lower case, ASCII punctuation taken away), then split, then runs of ``ngrams``
    tokens are joined by blanks, those of the first width first.

    Attributes:
        lower: Whether A to Z become lower case.
        strips: Whether punctuation is taken away.
        split: "whitespace"; "character" for code points; None for inputs that are split already.
        ngrams: The widths of the runs.
        length: How many places are given; None for as many as the longest text has.
    """

    lower: bool = True
    strips: bool = True
    split: str | None = "whitespace"
    ngrams: tuple[int, ...] = (1,)
    length: int | None = None

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: standardize, split, ngrams, output_mode, output_sequence_length, vocabulary ..."""
        config.expect("encoding", "utf-8", "UTF-8")
        if config.get("ragged", False):
            raise LayerError("ragged=True is not supported", "build the layer with ragged=False, which pads with 0")
        lower, strips = _STANDARDS[_option(config, "standardize", tuple(_STANDARDS))]
        mode = output_mode(config, "int", ("int", "multi_hot", "count", "tf_idf"))
        special = [""] * (mode == "int") + ["[UNK]"]
        tokens, given = without_special(words(config), special, str)
        depth = depth_of(config, len(special) + len(tokens))
        return cls(
            mode=mode,
            depth=depth,
            encoded=encoded_dtype(config, mode),
            idf=idf_weights(config, mode, 0 if given else len(special), depth),
            tokens=tokens,
            mask_token="",
            lower=lower,
            strips=strips,
            split=_option(config, "split", ("whitespace", "character", None)),
            ngrams=_widths(config),
            length=None
            if config.get("output_sequence_length", None) is None
            else config.integer("output_sequence_length"),
        )

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, length) as int64, or (batch, depth)."""
        x = inputs[0]
        if x.dtype != "string":
            raise LayerError(f"it takes strings and its input holds {x.dtype}")
        if self.split is None:
            if x.rank != 2:
                raise LayerError(f"split=None is not supported for an input of {x.rank} axes")
        elif x.rank > 2 or (x.rank == 2 and x.shape[1] != 1):
            raise LayerError(f"an input of the shape {x.shape} is not supported", "give it one text a row: (batch, 1)")
        if self.mode != "int":
            return TensorType((x.shape[0], self.depth), self.encoded)
        return TensorType((x.shape[0], self.length or self._given_length(x)), "int64")

    def _given_length(self, x: TensorType) -> Dim:
        if self.split is not None or x.shape[1] is None:
            return None
        return sum(max(x.shape[1] - width + 1, 0) for width in self.ngrams)

    def domain(self) -> Domain:
        """Texts of the vocabulary's words and others, in both cases, with punctuation and blanks of all kinds."""
        known = [str(token) for token in self.tokens[:9]] + [str(token) for token in self.tokens[-3:]]
        if self.split is None:
            return Domain(examples=examples(known, None, 1))
        joint = "" if self.split == "character" else " "
        texts = [joint.join(known[start : start + 3]) for start in range(len(known))]
        marked = [f"{text.capitalize()}, {known[0]}-{known[-1].upper()}!" for text in texts[:3]]
        return Domain(
            examples=(*texts, *marked, "", " ", f"  {texts[0]}\t?\n'unknown' {texts[-1]} ", "\u017e \u00c9 ...")
        )


def _option(config: Config, key: str, known: tuple[str | None, ...]) -> Any:
    value = config.get(key, known[0] if key == "split" else "lower_and_strip_punctuation")
    if isinstance(value, dict):
        name = value.get("registered_name") or value.get("config")
        raise LayerError(f"{key} is a function of the model's author, {str(name)[:60]!r}", _OWN)
    if value not in known:
        raise LayerError(f"{key}={str(value)[:60]!r} is not supported", _OWN)
    return value


def _widths(config: Config) -> tuple[int, ...]:
    raw = config.get("ngrams", None)
    widths: Sequence[int] = (
        range(1, raw + 1) if isinstance(raw, int) else (1,) if raw is None else config.integers("ngrams")
    )
    if not widths or min(widths) < 1:
        raise LayerError(f"ngrams is {str(raw)[:60]!r} where positive widths are needed")
    return tuple(widths)
