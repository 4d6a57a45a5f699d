"""Layers over categories: bins, one-hot and counted encodings, lookups of integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers.arguments import Slot
from kerasport.layers.base import Domain, Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.registry import LAYERS

_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}  # old names


@dataclass(frozen=True, kw_only=True)
class Encoding(Spec):
    """The base of layers that give category numbers, or encode them along a last axis of ``depth`` categories.

    Numbers that are no category, negative ones among them, count for nothing.

    Attributes:
        mode: "int" for the numbers; "one_hot"; "multi_hot", whether each category stands anywhere on axis 1;
            "count", how often, or with which sum of weights; "tf_idf", the counts times ``idf``.
        depth: The number of categories.
        squeezes: Whether "one_hot" takes the place of a last axis of size 1.
        idf: A factor for each category.
    """

    mode: str = "int"
    depth: int
    squeezes: bool = True
    idf: tuple[float, ...] = ()
    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = False

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """The weights are the second input, wherever the call gives them."""
        weights = kwargs.get("count_weights")
        if weights is not None and (self.mode != "count" or weights != Slot(1)):
            raise LayerError(f"count_weights={str(weights)[:40]} is not supported with output_mode={self.mode!r}")
        return super().called_with({key: value for key, value in kwargs.items() if key != "count_weights"})

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape as int64, or with the categories behind it, or in the place of its axis 1."""
        x = inputs[0]
        if self.mode == "int":
            return x.with_dtype("int64")
        if self.mode == "one_hot":
            return TensorType((*(x.shape[:-1] if self.drops_axis(x) else x.shape), self.depth))
        if x.rank < 2 or (x.rank > 2 and self.mode != "multi_hot"):
            raise LayerError(f"output_mode={self.mode!r} is not supported for an input of {x.rank} axes")
        return TensorType((x.shape[0], *x.shape[2:], self.depth))

    def drops_axis(self, x: TensorType) -> bool:
        """Whether the categories take the place of the last axis."""
        return self.squeezes and x.rank > 1 and x.shape[-1] == 1


@LAYERS.register("CategoryEncoding", ignored="sparse")
@dataclass(frozen=True, kw_only=True)
class CategoryEncoding(Encoding):
    """Encodes category numbers; a second input, where there is one, weighs them in "count"."""

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: num_tokens, output_mode; ``squeezes`` is from the dialect."""
        if config.get("num_tokens", None) is None:
            raise LayerError("it has no num_tokens, which it found by adapt()")
        return cls(
            mode=output_mode(config, "multi_hot", ("one_hot", "multi_hot", "count")),
            depth=config.integer("num_tokens"),
            squeezes=config.flag("squeezes", True),
        )

    def domain(self) -> Domain:
        """The category numbers."""
        return Domain(low=0, high=self.depth, ids=True)


@LAYERS.register("Discretization", ignored="num_bins epsilon sparse")
@dataclass(frozen=True, kw_only=True)
class Discretization(Encoding):
    """The number of boundaries that a value has reached; all of them, for NaN.

    Attributes:
        boundaries: Ascending; compared as float32.
        includes_bound: Whether a boundary counts for a value equal to it.
    """

    boundaries: tuple[float, ...]
    includes_bound: bool = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: bin_boundaries, output_mode; ``squeezes`` and ``includes_bound`` are from the dialect."""
        boundaries = config.get("bin_boundaries", None)
        if boundaries is None:
            raise LayerError("its boundaries, found by adapt(), are not in its config")
        numbers = boundaries if isinstance(boundaries, list | tuple) else [boundaries]
        if not all(isinstance(value, int | float) for value in numbers):
            raise LayerError(f"bin_boundaries is {str(boundaries)[:80]} where numbers are needed")
        return cls(
            mode=output_mode(config, "int", ("int", "one_hot", "multi_hot", "count")),
            depth=len(numbers) + 1,
            squeezes=config.flag("squeezes", True),
            boundaries=tuple(sorted(map(float, numbers))),
            includes_bound=config.flag("includes_bound", True),
        )


_LOOKUP_KEYS = "sparse idf_weights vocabulary_size has_input_vocabulary max_values"


@LAYERS.register("IntegerLookup", ignored=_LOOKUP_KEYS, limits="a vocabulary found by adapt() is refused")
@dataclass(frozen=True, kw_only=True)
class IntegerLookup(Encoding):
    """The places of numbers in a vocabulary; or, inverted, the numbers at places.

    Attributes:
        tokens: The vocabulary, the special tokens left out.
        mask_token: The number that is masked: 0 in mode "int", no category in the others. None: there is none.
        oov_token: What an inverted lookup gives for places beyond the vocabulary.
        oov_indices: How many places there are before the tokens for numbers that are not in the vocabulary, which
            get the one by their remainder; with none, they get -1 (Keras stops with an error).
        invert: Whether places are looked up.
    """

    tokens: tuple[int, ...]
    mask_token: int | None = None
    oov_token: int = -1
    oov_indices: int = 1
    invert: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: vocabulary, mask_token, oov_token, num_oov_indices, max_tokens, output_mode, idf_weights ..."""
        config.expect("vocabulary_dtype", "int64", "int32")
        config.expect("oov_method", "floormod")
        config.expect("salt", None)
        mode = output_mode(config, "int", ("int", "one_hot", "multi_hot", "count", "tf_idf"))
        mask = config.get("mask_token", None)
        oov, oov_indices = config.integer("oov_token", -1), config.integer("num_oov_indices", 1)
        special = [mask] * (mask is not None and mode == "int") + [oov] * oov_indices
        if config.get("vocabulary", None) is None:
            raise LayerError("its vocabulary, found by adapt(), is not in its config")
        words = config.integers("vocabulary")
        stripped = special and list(words[: len(special)]) == special
        tokens = words[len(special) :] if stripped else words
        most, pads = config.get("max_tokens", None), config.flag("pad_to_max_tokens")
        depth = int(most) if pads and most else len(special) + len(tokens)
        return cls(
            mode=mode,
            depth=depth,
            idf=_idf(config.get("idf_weights", None), 0 if stripped else len(special), depth)
            if mode == "tf_idf"
            else (),
            tokens=tokens,
            mask_token=None if mask is None else int(mask),
            oov_token=oov,
            oov_indices=oov_indices,
            invert=config.flag("invert"),
        )

    @property
    def oov_start(self) -> int:
        """The first place for numbers that are not in the vocabulary."""
        return int(self.mask_token is not None and self.mode == "int")

    @property
    def token_start(self) -> int:
        """The place of the first token."""
        return self.oov_start + self.oov_indices

    @property
    def mask_place(self) -> int:
        """What the masked number gives."""
        return 0 if self.mode == "int" else -1

    def domain(self) -> Domain:
        """The vocabulary's places; or its numbers, and two more."""
        if self.invert:
            return Domain(low=0, high=self.depth, ids=True)
        return Domain(low=min(self.tokens), high=max(self.tokens) + 3, ids=True)


def output_mode(config: Config, default: str, modes: tuple[str, ...]) -> str:
    """Keras's key output_mode, under its newer names."""
    mode = config.get("output_mode", default)
    mode = _MODES.get(mode, mode)
    if mode not in modes:
        raise LayerError(f"output_mode={mode!r} is not supported")
    return str(mode)


def _idf(weights: Any, special: int, depth: int) -> tuple[float, ...]:
    """The weights of all categories: those without one of their own have the mean, and padding 0."""
    if not isinstance(weights, list | tuple) or not weights:
        raise LayerError("its idf_weights, found by adapt(), are not in its config")
    padded = [sum(weights) / len(weights)] * special + [float(weight) for weight in weights]
    return tuple(padded + [0.0] * (depth - len(padded)))
