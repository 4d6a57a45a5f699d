"""Preprocessing that is arithmetic: Rescaling and Normalization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Emit, Shape, Spec, TensorType, Value, normalize_axis
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import broadcast_shape

# A number, or an array as nested tuples, so that specs stay hashable.
Numbers = float | tuple[Any, ...]


def numbers(key: str, raw: Any) -> Numbers:
    """A number or a nested list of numbers, or one of the dicts that Keras writes for arrays.

    Raises:
        LayerError: It is something else.
    """
    if isinstance(raw, Mapping):
        inner = raw.get("config")
        raw = raw.get("value", inner.get("value") if isinstance(inner, Mapping) else None)
    if isinstance(raw, list | tuple):
        return tuple(numbers(key, item) for item in raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise LayerError(f"{key} is {str(raw)[:80]!r} where numbers are needed")
    return float(raw)


def shape_of(key: str, value: Numbers) -> tuple[int, ...]:
    """The shape of nested numbers.

    Raises:
        LayerError: They are ragged.
    """
    if not isinstance(value, tuple):
        return ()
    shapes = {shape_of(key, item) for item in value}
    if len(shapes) != 1:
        raise LayerError(f"{key} is not an array")
    return (len(value), *shapes.pop())


@frozen
class _Preprocessing(Spec):
    """What Rescaling and Normalization have in common.

    Attributes:
        keeps_mask: Whether the mask goes on (in Keras 3).
    """

    keeps_mask: bool = True

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """The input's in Keras 3, none before."""
        return masks[0] if self.keeps_mask else None


@LAYERS.register("Rescaling")
@frozen
class Rescaling(_Preprocessing):
    """``x * scale + offset``; arrays broadcast from the last axis on."""

    scale: Numbers
    offset: Numbers = 0.0

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: scale, offset."""
        return cls(
            scale=numbers("scale", config.get("scale")),
            offset=numbers("offset", config.get("offset", 0.0)),
            keeps_mask=config.flag("keeps_mask", True),
        )

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        for key, value in (("scale", self.scale), ("offset", self.offset)):
            _require_fit(key, shape_of(key, value), inputs[0].shape)
        return inputs[0]


def _require_fit(key: str, shape: Shape, given: Shape) -> None:
    """Raises LayerError where numbers do not broadcast to an input."""
    if len(shape) <= len(given) and all(n in (1, m) for n, m in zip(shape[::-1], given[::-1], strict=False)):
        return
    hint = "give it the shape of the input's last axes"
    if len(given) == 4 and shape == given[1:2]:
        hint = f"for channels first, give it the shape {(*shape, 1, 1)}: the file does not say which axis Keras took"
    raise LayerError(f"{key} has the shape {shape}, which does not fit an input of the shape {given}", hint)


@LAYERS.register("Normalization")
@frozen
class Normalization(_Preprocessing):
    """``(x - mean) / max(sqrt(variance), floor)``, or the inverse of that.

    Attributes:
        axes: The axes that have statistics of their own, in the file's order; none for one of everything.
        mean: Constant, or None where the file has the statistics among the weights.
        variance: The same.
        invert: Whether it is ``mean + x * max(sqrt(variance), floor)``.
        floor: The smallest deviation.
    """

    axes: tuple[int, ...] = (-1,)
    mean: Numbers | None = None
    variance: Numbers | None = None
    invert: bool = False
    floor: float = 1e-7
    non_trainable: ClassVar[frozenset[str]] = frozenset(["mean", "variance", "count"])

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: axis, mean, variance, invert."""
        constants = {key: config.get(key, None) for key in ("mean", "variance")}
        if (constants["mean"] is None) != (constants["variance"] is None):
            raise LayerError("it has only one of mean and variance")
        return cls(
            axes=() if config.get("axis", -1) is None else config.integers("axis", default=-1),
            mean=None if constants["mean"] is None else numbers("mean", constants["mean"]),
            variance=None if constants["variance"] is None else numbers("variance", constants["variance"]),
            invert=config.flag("invert"),
            floor=config.number("floor", 1e-7),
            keeps_mask=config.flag("keeps_mask", True),
        )

    def kept(self, x: TensorType) -> tuple[int, ...]:
        """The axes with statistics of their own, non-negative, ascending."""
        return tuple(sorted({normalize_axis(axis, x.rank) for axis in self.axes}))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Mean and variance (dimensions of the axes) and the count of samples they are from, if not constant."""
        if self.mean is not None:
            return {}
        shape = tuple(inputs[0].shape[axis] for axis in self.kept(inputs[0]))
        return {"mean": shape, "variance": shape, "count": ()}

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        shape = tuple(inputs[0].shape[axis] for axis in self.kept(inputs[0]))
        if None in shape:
            raise LayerError(f"axis={list(self.axes)} has an unknown dimension in {inputs[0].shape}")
        for key, value in (("mean", self.mean), ("variance", self.variance)):
            if value is not None and broadcast_shape(shape_of(key, value), shape) != shape:
                raise LayerError(f"{key} does not fit the axes {list(self.axes)} of {inputs[0].shape}")
        return inputs[0]
