"""Layers over categories: bins, one-hot and counted encodings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Domain, Shape, Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.slots import Slot

_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}  # old names


@frozen
class Encoding(Spec):
    """The base of layers that give category numbers, or encode them along a last axis of ``depth`` categories.

    Numbers that are no category, negative ones among them, count for nothing.

    Attributes:
        mode: "int" for the numbers; "one_hot"; "multi_hot", whether each category stands anywhere on an axis;
            "count", how often, or with which sum of weights; "tf_idf", the counts times ``idf``.
        depth: The number of categories.
        squeezes: Whether "one_hot" takes the place of a last axis of size 1.
        encoded: The dtype of an encoding; that of "tf_idf" is float32.
        from_last: Whether the axis that "multi_hot" and "count" join is the last one, and not axis 1.
    """

    mode: str = "int"
    depth: int
    squeezes: bool = True
    encoded: str = "float32"
    from_last: bool = False
    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = False

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """The weights are the second input, wherever the call gives them."""
        weights = kwargs.get("count_weights")
        if weights is not None and (self.mode != "count" or weights != Slot(1)):
            raise LayerError(f"count_weights={str(weights)[:40]} is not supported with output_mode={self.mode!r}")
        return super().called_with({key: value for key, value in kwargs.items() if key != "count_weights"})

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape as int64, or with the categories behind it, or in the place of one axis."""
        x = inputs[0]
        if len(inputs) > 1 and x.shape[0] is None and inputs[1].shape[0] is not None:
            rows = inputs[1].shape[0]
            raise LayerError(
                f"its count_weights are a constant of {rows} rows, where a batch may have any number",
                "fix the number of rows in a batch",
                option=f"--input-shape batch={rows}",
            )
        if self.mode == "int":
            return x.with_dtype("int64")
        if self.mode == "one_hot":
            return TensorType((*(x.shape[:-1] if self.drops_axis(x) else x.shape), self.depth), self.encoded)
        if x.rank < 2:
            what = f"with output_mode={self.mode!r} it makes one row of the whole batch of an input without other axes"
            raise LayerError(what, "give the model an input of the shape (1,)")
        if x.rank > 2 and self.mode == "tf_idf":
            raise LayerError(f"output_mode={self.mode!r} is not supported for an input of {x.rank} axes")
        axis = self.joined_axis(x.rank)
        return TensorType((*x.shape[:axis], *x.shape[axis + 1 :], self.depth), self.encoded)

    def joined_axis(self, rank: int) -> int:
        """The axis in whose place its categories are counted."""
        return rank - 1 if self.from_last else 1

    def drops_axis(self, x: TensorType) -> bool:
        """Whether the categories take the place of the last axis."""
        return self.squeezes and x.rank > 1 and x.shape[-1] == 1


@LAYERS.register("CategoryEncoding", ignored="sparse")
@frozen
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


@LAYERS.register("Discretization", ignored="epsilon sparse")
@frozen
class Discretization(Encoding):
    """The number of boundaries that a value has reached; all of them, for NaN.

    Attributes:
        boundaries: Ascending; compared as float32. None where the file has them among the weights.
        includes_bound: Whether a boundary counts for a value equal to it.
    """

    boundaries: tuple[float, ...] | None
    includes_bound: bool = True
    non_trainable: ClassVar[frozenset[str]] = frozenset(["summary"])

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: bin_boundaries, output_mode; the dialect's: squeezes, includes_bound, from_last."""
        given, bins = config.get("bin_boundaries", None), config.get("num_bins", None)
        numbers = given if isinstance(given, list | tuple) else [] if given is None else [given]
        if not all(isinstance(value, int | float) for value in numbers):
            raise LayerError(f"bin_boundaries is {str(given)[:80]} where numbers are needed")
        if given is None and not isinstance(bins, int):
            raise LayerError("it has neither bin_boundaries nor num_bins")
        return cls(
            mode=output_mode(config, "int", ("int", "one_hot", "multi_hot", "count")),
            depth=len(numbers) + 1 if given is not None else int(bins),
            squeezes=config.flag("squeezes", True),
            boundaries=None if given is None else tuple(sorted(map(float, numbers))),
            includes_bound=config.flag("includes_bound", True),
            from_last=config.flag("from_last"),
        )

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """The boundaries, if adapt() found them; as many as there are categories to encode."""
        count = None if self.mode == "int" else self.depth - 1
        return {} if self.boundaries is not None else {"boundaries": (count,)}


def output_mode(config: Config, default: str, modes: tuple[str, ...]) -> str:
    """Keras's key output_mode, under its newer names."""
    mode = config.get("output_mode", default)
    mode = _MODES.get(mode, mode)
    if mode not in modes:
        raise LayerError(f"output_mode={mode!r} is not supported")
    return str(mode)


def encoded_dtype(config: Config, mode: str = "") -> str:
    """The dtype of an encoding: the dialect's key ``encoded``; the factors of "tf_idf" make float32 of it."""
    dtype = config.choice("encoded", ("float32", "int64"), "float32")
    return "float32" if mode == "tf_idf" else dtype
