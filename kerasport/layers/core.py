"""Dense, Embedding, Masking, and the layers that only move data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.activation import function_type
from kerasport.layers.base import Dim, Domain, Emit, Shape, Spec, TensorType, Value, free_once, known_product
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.functions import LINEAR, Function
from kerasport.layers.ops import NotEqualTo, ReduceAny
from kerasport.layers.stored import PLAIN, Layout, Stored

_DROPOUT = "rate noise_shape seed data_format"


@LAYERS.register("Identity")
@LAYERS.register("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", ignored=_DROPOUT)
@LAYERS.register("GaussianDropout", "AlphaDropout", ignored=_DROPOUT)
@LAYERS.register("GaussianNoise", ignored="stddev seed")
@LAYERS.register("ActivityRegularization", ignored="l1 l2")
@LAYERS.register("StochasticDepth", ignored="drop_path_rate")
@frozen
class Identity(Spec):
    """A layer that changes nothing at inference: dropouts, noise, regularisation."""

    float_only: ClassVar[bool] = False
    random_in_training: ClassVar[bool] = True
    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        return inputs[0]


@LAYERS.register("Dense")
@frozen
class Dense(Spec):
    """``activation(x @ kernel + bias)`` over the last axis, for an input of any rank from 2."""

    units: int
    use_bias: bool = True
    activation: Function = LINEAR
    stored: Stored = PLAIN
    quantizable: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: units, use_bias, activation."""
        return cls(
            units=config.integer("units"),
            use_bias=config.flag("use_bias", True),
            activation=config.activation(),
            stored=Stored.parse(config),
        )

    @property
    def last_function(self) -> Function:
        """Its activation."""
        return self.activation

    def layout(self, features: Dim) -> Layout:
        """The kernel's, for an input with these features."""
        return Layout(role="kernel", shape=(features, self.units), channels=(1,), scale=(self.units,))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernel (in, units), bias (units,)."""
        return self.stored.roles(self.layout(inputs[0].shape[-1]), (self.units,) if self.use_bias else None)

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, ..., units), half as many under ``glu``."""
        return function_type(self.activation, inputs[0].with_shape((*inputs[0].shape[:-1], self.units)))


@LAYERS.register("Flatten")
@frozen
class Flatten(Spec):
    """Everything but the batch in one axis; channels_first data is first brought to channels_last order."""

    channels_first: bool = False
    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = False
    moves_values: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: data_format."""
        return cls(channels_first=config.channels_first())

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, product of the rest); a rank-1 input gives (batch, 1)."""
        return inputs[0].with_shape((inputs[0].shape[0], known_product(inputs[0].shape[1:])))


@LAYERS.register("Reshape")
@frozen
class Reshape(Spec):
    """A new shape behind the batch axis, in row-major order; one dimension may be -1."""

    target_shape: tuple[int, ...]
    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = False
    moves_values: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: target_shape (Keras 3's .h5 may call it newshape)."""
        shape = config.integers("target_shape")
        free_once(shape)
        return cls(target_shape=shape)

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, *target_shape) with -1 resolved where the input is known."""
        batch, *rest = inputs[0].shape
        total = known_product(rest)
        fixed = known_product([d for d in self.target_shape if d != -1]) or 1
        if total is not None and (total % fixed or (-1 not in self.target_shape and total != fixed)):
            raise LayerError(f"target_shape {self.target_shape} does not fit an input of {total} values")
        free: Dim = None if total is None else total // fixed
        return inputs[0].with_shape((batch, *(free if d == -1 else d for d in self.target_shape)))


@LAYERS.register("Permute")
@frozen
class Permute(Spec):
    """Reorders the axes behind the batch.

    Attributes:
        axes: The full permutation, the batch axis 0 included.
    """

    axes: tuple[int, ...]
    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = False
    moves_values: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: dims, counted from 1."""
        axes = (0, *config.integers("dims"))
        if sorted(axes) != list(range(len(axes))):
            raise LayerError(f"dims {axes[1:]} is not a permutation")
        return cls(axes=axes)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's dimensions in the new order."""
        if inputs[0].rank != len(self.axes):
            raise LayerError(f"dims of {len(self.axes) - 1} axes for an input of rank {inputs[0].rank}")
        return inputs[0].with_shape([inputs[0].shape[axis] for axis in self.axes])


@LAYERS.register("RepeatVector")
@frozen
class RepeatVector(Spec):
    """(batch, features) to (batch, n, features)."""

    n: int
    carries_mask: ClassVar[bool] = False
    moves_values: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: n."""
        return cls(n=config.integer("n"))

    def whole_dtype(self, given: str) -> str:
        """The input's."""
        return given

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, n, features)."""
        batch, features = inputs[0].shape
        return inputs[0].with_shape((batch, self.n, features))


@LAYERS.register(
    "Embedding", ignored="embeddings_initializer embeddings_regularizer embeddings_constraint input_length"
)
@frozen
class Embedding(Spec):
    """Rows of a table by integer ids; float ids are truncated."""

    input_dim: int
    output_dim: int
    mask_zero: bool = False
    stored: Stored = PLAIN
    float_only: ClassVar[bool] = False
    quantizable: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: input_dim, output_dim, mask_zero."""
        return cls(
            input_dim=config.integer("input_dim"),
            output_dim=config.integer("output_dim"),
            mask_zero=config.flag("mask_zero"),
            stored=Stored.parse(config),
        )

    @property
    def rounds(self) -> bool:
        """Only where the table is quantised: else rows are given as they are."""
        return self.stored != PLAIN

    @property
    def layout(self) -> Layout:
        """The table's."""
        shape = (self.input_dim, self.output_dim)
        return Layout(role="embeddings", shape=shape, channels=(0,), scale=shape[:1], packed_axis=1)

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Embeddings (input_dim, output_dim)."""
        return self.stored.roles(self.layout)

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, ..., output_dim)."""
        return TensorType((*inputs[0].shape, self.output_dim))

    def domain(self) -> Domain | None:
        """Ids below the table's size."""
        return Domain(low=0, high=self.input_dim, ids=True, padding=0 if self.mask_zero else None)

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """``ids != 0`` with mask_zero; no mask otherwise, whatever came in."""
        return emit(NotEqualTo(value=0.0), inputs) if self.mask_zero else None


@LAYERS.register("Masking")
@frozen
class Masking(Spec):
    """Zeroes the steps whose features all equal ``mask_value``, and masks them."""

    mask_value: float = 0.0
    moves_values: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: mask_value."""
        return cls(mask_value=config.number("mask_value", 0.0))

    def whole_dtype(self, given: str) -> str:
        """The input's, which is multiplied by whether a step counts."""
        return "int32" if given == "bool" else given

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        return inputs[0]

    def domain(self) -> Domain:
        """Anything, with masked steps."""
        return Domain(padding=self.mask_value)

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """``any(x != mask_value)`` over the features; an incoming mask is replaced."""
        return emit(ReduceAny(), [emit(NotEqualTo(value=self.mask_value), inputs)])


@LAYERS.register("RandomFourierFeatures", ignored="kernel_initializer scale")
@frozen
class RandomFourierFeatures(Spec):
    """``cos(x @ (kernel / scale) + bias)``, with random weights; the scale is one of them."""

    units: int
    non_trainable: ClassVar[frozenset[str]] = frozenset(["unscaled_kernel", "bias"])

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: output_dim."""
        return cls(units=config.integer("output_dim"))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """The scale (1,), the kernel (in, output_dim), the bias (output_dim,)."""
        return {
            "kernel_scale": (1,),
            "unscaled_kernel": (inputs[0].shape[-1], self.units),
            "bias": (self.units,),
        }

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, output_dim)."""
        if inputs[0].rank != 2:
            raise LayerError(f"its input has {inputs[0].rank} axes where 2 are needed")
        return inputs[0].with_shape((inputs[0].shape[0], self.units))
