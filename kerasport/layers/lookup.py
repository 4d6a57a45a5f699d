"""Lookups: from strings or integers to vocabulary indices, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Domain, Shape, TensorType
from kerasport.layers.categorical import Encoding, encoded_dtype, output_mode
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.hashes import Hash, salt

Token = str | int
ADAPTED = "its vocabulary, found by adapt(), is not in this file"
ADAPTED_HINT = (
    "save it as a .keras archive, or build the layer with vocabulary=layer.get_vocabulary() before saving the model"
)
_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_KEYS = "vocabulary_size has_input_vocabulary max_values"


@frozen
class Vocabulary(Encoding):
    """What layers have in common that look tokens up.

    The places are: the mask's 0, where there is a mask token and the mode is "int"; those for tokens that are not in
    the vocabulary; those of the tokens in their order. In the other modes a masked token counts for nothing.

    Attributes:
        tokens: The vocabulary, the special tokens left out.
        mask_token: The token that is masked. None: there is none.
        oov_indices: How many places there are for tokens that are not in the vocabulary; with none, they get -1
            (Keras stops with an error).
        oov_hash: By which hash several such places are chosen; None for the remainder of a number.
        idf: A factor for each category in "tf_idf"; None where the file has them among the weights.
    """

    tokens: tuple[Token, ...]
    mask_token: Token | None = None
    oov_indices: int = 1
    oov_hash: Hash | None = None
    idf: tuple[float, ...] | None = None
    non_trainable: ClassVar[frozenset[str]] = frozenset(["idf_weights"])

    @property
    def oov_start(self) -> int:
        """The first place for tokens that are not in the vocabulary."""
        return int(self.mask_token is not None and self.mode == "int")

    @property
    def token_start(self) -> int:
        """The place of the first token."""
        return self.oov_start + self.oov_indices

    @property
    def mask_place(self) -> int:
        """What the masked token gives."""
        return 0 if self.mode == "int" else -1

    @property
    def places(self) -> dict[Token, int]:
        """The places of all tokens that are known, the masked one among them."""
        known = {token: place for place, token in enumerate(self.tokens, self.token_start)}
        return known if self.mask_token is None else known | {self.mask_token: self.mask_place}

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """The factors of "tf_idf" (depth), if adapt() found them."""
        return {"idf_weights": (self.depth,)} if self.mode == "tf_idf" and self.idf is None else {}


@frozen
class Lookup(Vocabulary):
    """The places of tokens in a vocabulary; or, inverted, the tokens at places.

    Attributes:
        oov_token: What an inverted lookup gives for places beyond the vocabulary.
        invert: Whether places are looked up.
    """

    oov_token: Token
    invert: bool = False
    holds: ClassVar[str] = "int64"

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: vocabulary, mask_token, oov_token, num_oov_indices, max_tokens, output_mode, idf_weights ..."""
        config.expect("encoding", "utf-8", "UTF-8")
        mode = output_mode(config, "int", _MODES)
        kind = str if cls.holds == "string" else int
        mask = _special(config, "mask_token", kind, None)
        oov = _special(config, "oov_token", kind, cls.default_oov())
        oov_indices = config.integer("num_oov_indices", 1)
        special = [mask] * (mask is not None and mode == "int") + [oov] * oov_indices
        tokens, given = without_special(words(config), special, kind)
        depth = depth_of(config, len(special) + len(tokens))
        return cls(
            mode=mode,
            depth=depth,
            encoded=encoded_dtype(config, mode),
            idf=idf_weights(config, mode, 0 if given else len(special), depth),
            tokens=tokens,
            mask_token=mask,
            oov_token=oov,
            oov_indices=oov_indices,
            oov_hash=cls.hash_of(config),
            invert=config.flag("invert"),
        )

    @classmethod
    def default_oov(cls) -> Token:
        """The token for what is not in the vocabulary."""
        return -1

    @classmethod
    def hash_of(cls, config: Config) -> Hash | None:
        """How a place is chosen for a token that is not in the vocabulary, where there are several places."""
        raise NotImplementedError

    def infer(self, *inputs: TensorType) -> TensorType:
        """The places, or their encoding; inverted, the tokens."""
        wanted = "int64" if self.invert else self.holds
        if (inputs[0].dtype == "string") != (wanted == "string"):
            raise LayerError(f"it looks up {wanted} values and its input holds {inputs[0].dtype}")
        return inputs[0].with_dtype(self.holds) if self.invert else super().infer(*inputs)


@LAYERS.register("StringLookup", ignored=_KEYS)
@frozen
class StringLookup(Lookup):
    """The places of strings in a vocabulary; or, inverted, the strings at places."""

    holds: ClassVar[str] = "string"

    @classmethod
    def default_oov(cls) -> str:
        """Keras's own."""
        return "[UNK]"

    @classmethod
    def hash_of(cls, config: Config) -> Hash:
        """FarmHash of the string, or SipHash with a salt."""
        config.expect("oov_method", "farmhash", "floormod")  # which only numbers have
        return Hash(salt(config))

    def domain(self) -> Domain:
        """The vocabulary's places; or its words, and some others."""
        if self.invert:
            return Domain(low=0, high=self.depth, ids=True)
        return Domain(examples=examples([str(token) for token in self.tokens], self.mask_token, self.oov_indices))


@LAYERS.register("IntegerLookup", ignored=_KEYS)
@frozen
class IntegerLookup(Lookup):
    """The places of numbers in a vocabulary; or, inverted, the numbers at places."""

    @classmethod
    def hash_of(cls, config: Config) -> Hash | None:
        """The remainder of the number, or a hash of its digits."""
        config.expect("vocabulary_dtype", "int64", "int32")
        config.expect("oov_method", "floormod", "farmhash")
        hash_ = Hash(salt(config))
        return hash_ if config.get("oov_method", "floormod") == "farmhash" else None

    def domain(self) -> Domain:
        """The vocabulary's places; or its numbers, and two more."""
        if self.invert:
            return Domain(low=0, high=self.depth, ids=True)
        numbers = [int(token) for token in self.tokens]
        return Domain(low=min(numbers), high=max(numbers) + 3, ids=True)


def examples(tokens: Sequence[str], mask_token: Token | None, oov_indices: int) -> tuple[str, ...]:
    """Strings to try a lookup with: some of its words, and, where they have a place, others and almost the same."""
    known = list(dict.fromkeys([*tokens[:20], *tokens[-5:]]))
    known += [] if mask_token is None else [str(mask_token)]
    others = ["", "?", " ", "an unknown one", *(f"{token}!" for token in known[:2]), *(t.swapcase() for t in known[:4])]
    return tuple(known + others if oov_indices else known)


def words(config: Config) -> tuple[Token, ...]:
    """Keras's key vocabulary.

    Raises:
        LayerError: The tokens are not there, are in another file, or are more than max_tokens.
    """
    raw, most = config.get("vocabulary", None), config.get("max_tokens", None)
    if raw is None:
        raise LayerError(ADAPTED, ADAPTED_HINT)
    if isinstance(raw, str):
        raise LayerError(
            f"its vocabulary is in another file, {raw[:80]!r}, which kerasport does not open",
            "build the layer with the words themselves, vocabulary=[...], before saving the model",
        )
    if not isinstance(raw, list | tuple) or not raw:
        raise LayerError(f"vocabulary is {str(raw)[:80]!r} where a list of tokens is needed")
    if isinstance(most, int) and len(raw) > most:
        raise LayerError(f"its vocabulary has {len(raw)} tokens and max_tokens is {most}")
    return tuple(raw)


def _special(config: Config, key: str, kind: type[Token], default: Token | None) -> Any:
    """A special token, or None."""
    token = config.get(key, default)
    if token is not None and not _is_token(token, kind):
        raise LayerError(
            f"{key} is {str(token)[:80]!r} where a {'string' if kind is str else 'whole number'} is needed"
        )
    return token


def _is_token(token: Any, kind: type[Token]) -> bool:
    return isinstance(token, kind) and not isinstance(token, bool)


def without_special(
    found: tuple[Token, ...], special: Sequence[Token], kind: type[Token]
) -> tuple[tuple[Token, ...], bool]:
    """The tokens behind the special ones, and whether these stand there at all.

    Raises:
        LayerError: There is nothing else, or something else than tokens, or one of them twice.
    """
    given = bool(special) and list(found[: len(special)]) == list(special)
    tokens = found[len(special) :] if given else found
    if not all(_is_token(token, kind) for token in tokens):
        raise LayerError(f"vocabulary holds something else than {'strings' if kind is str else 'whole numbers'}")
    if len(set(tokens)) < len(tokens):
        raise LayerError("vocabulary holds a token twice")
    return tokens, given


def depth_of(config: Config, count: int) -> int:
    """How many categories there are: max_tokens where these are padded to, else as many as there are places."""
    most = config.get("max_tokens", None)
    return config.integer("max_tokens") if config.flag("pad_to_max_tokens") and most else count


def idf_weights(config: Config, mode: str, special: int, depth: int) -> tuple[float, ...] | None:
    """Keras's key: for all categories, of which those without one of their own have the mean, and padding 0."""
    weights = config.get("idf_weights", None)
    if mode != "tf_idf" or weights is None:
        return None
    if not isinstance(weights, list | tuple) or not weights or not all(isinstance(w, int | float) for w in weights):
        raise LayerError(f"idf_weights is {str(weights)[:80]!r} where numbers are needed")
    padded = [sum(weights) / len(weights)] * special + [float(weight) for weight in weights]
    if len(padded) > depth:
        raise LayerError(f"idf_weights has {len(weights)} numbers for a vocabulary of {depth}")
    return tuple(padded + [0.0] * (depth - len(padded)))
