"""Hashing and HashedCrossing: map a value, or several together, to one of a number of bins."""

from __future__ import annotations

from itertools import combinations
from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Domain, Spec, TensorType, known_product
from kerasport.layers.categorical import Encoding, encoded_dtype, output_mode
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.hashes import Hash, salt

_STRINGS = "strings are computed by the reference, not in ONNX, which has no operator for the bytes of a string"
_MODES = ("int", "one_hot", "multi_hot", "count")
# Of every length that a hash treats apart.
_WORDS = (
    "",
    "a",
    "\u017e",
    "words",
    "some words",
    "longer than sixteen bytes",
    "w" * 33,
    "and, " * 13,
    "of words " * 20,
)


@LAYERS.register("Hashing", ignored="sparse", limits=_STRINGS, opset=18)
@frozen
class Hashing(Encoding):
    """``hash(x) % bins``; numbers are hashed as their decimal digits.

    Attributes:
        hash: Which hash.
        mask: The value that gets bin 0 for itself, the others one of the rest. None: there is none.
        cuts: Whether numbers with fractions are cut to whole ones.
    """

    hash: Hash
    mask: str | int | None = None
    cuts: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: num_bins, salt, mask_value, output_mode."""
        bins, mask = config.integer("num_bins"), config.get("mask_value", None)
        if bins < 1:
            raise LayerError(f"num_bins is {bins} where a positive number is needed")
        if not (mask is None or isinstance(mask, str | int)):
            raise LayerError(f"mask_value is {str(mask)[:40]!r} where a string or a whole number is needed")
        return cls(
            mode=output_mode(config, "int", _MODES),
            depth=bins,
            encoded=encoded_dtype(config),
            hash=Hash(salt(config)),
            mask=mask if bins > 1 else None,
            cuts=config.flag("cuts"),
        )

    @property
    def bins(self) -> int:
        """How many bins there are for what is not masked."""
        return self.depth if self.mask is None else self.depth - 1

    def infer(self, *inputs: TensorType) -> TensorType:
        """The bins, or their encoding."""
        if len(inputs) > 1:
            raise LayerError("several inputs together are not supported", "use HashedCrossing in a newer Keras")
        dtype = inputs[0].dtype
        if dtype == "bool" or (dtype.startswith("float") and not self.cuts):
            raise LayerError(f"an input of {dtype} is not supported", "give it whole numbers: Input(dtype='int64')")
        if self.mask is not None and isinstance(self.mask, str) != (dtype == "string"):
            raise LayerError(f"mask_value is {self.mask!r} and its input holds {dtype}")
        return super().infer(*inputs)

    def domain(self) -> Domain:
        """Words of every length that the hash treats apart; or numbers."""
        return Domain(low=-2000, high=2_000_000, ids=True, table=False, examples=_WORDS)


@LAYERS.register("HashedCrossing", ignored="sparse name dtype", limits=_STRINGS, opset=18)
@frozen
class HashedCrossing(Encoding):
    """The hash of several inputs together, ``% bins``: FingerprintCat64 of one after the other."""

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: num_bins, output_mode."""
        return cls(
            mode=output_mode(config, "int", _MODES),
            depth=config.integer("num_bins"),
            encoded=encoded_dtype(config),
        )

    def infer(self, *inputs: TensorType) -> TensorType:
        """The bins, or their encoding."""
        x = inputs[0]
        if (
            len(inputs) < 2
            or any(other.shape != x.shape for other in inputs)
            or x.rank > 2
            or x.shape[1:] not in ((), (1,))
        ):
            raise LayerError(f"inputs of the shapes {[other.shape for other in inputs]} are not supported")
        if any(other.dtype != "string" and not other.dtype.startswith(("int", "uint")) for other in inputs):
            raise LayerError(f"inputs of {', '.join(other.dtype for other in inputs)} are not supported")
        return super().infer(x)

    def domain(self) -> Domain:
        """Words or numbers."""
        return Domain(low=-2000, high=2_000_000, ids=True, table=False, examples=_WORDS)


@LAYERS.register("CategoryCrossing", opset=20)
@frozen
class CategoryCrossing(Spec):
    """The inputs' values as strings, row by row, joined by a separator: those of each input with those of the others.

    Attributes:
        separator: What stands between them.
        depths: How many inputs are joined: all combinations of so many, the combinations one behind the other.
            None: all inputs.
    """

    separator: str = "_X_"
    depths: tuple[int, ...] | None = None
    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: separator, depth."""
        depth, separator = config.get("depth", None), config.get("separator", None)
        depths = tuple(range(1, depth + 1)) if isinstance(depth, int) else config.integers("depth") if depth else None
        return cls(separator="_X_" if separator is None else str(separator), depths=depths)

    def groups(self, count: int) -> list[tuple[int, ...]]:
        """Which of so many inputs are joined, in the order of the results."""
        depths = (count,) if self.depths is None else self.depths
        return [group for depth in depths for group in combinations(range(count), depth)]

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, the sum over the combinations of the products of their inputs' widths), strings."""
        if any(x.rank != 2 or x.dtype.startswith("float") for x in inputs):
            raise LayerError(f"inputs of the shapes {[x.shape for x in inputs]} are not supported")
        if self.depths is not None and not 0 < min(self.depths) <= max(self.depths) <= len(inputs):
            raise LayerError(f"depth={list(self.depths)} does not fit {len(inputs)} inputs")
        widths = [known_product([inputs[index].shape[1] for index in group]) for group in self.groups(len(inputs))]
        total = None if None in widths else sum(width or 0 for width in widths)
        return TensorType((inputs[0].shape[0], total), "string")
