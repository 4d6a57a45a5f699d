"""The base of layer specs: a frozen value that knows its weights, output types and mask behaviour."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers.frozen import Frozen, frozen
from kerasport.layers.functions import Function
from kerasport.layers.slots import has_slots

if TYPE_CHECKING:
    from kerasport.layers.config import Config

Dim = int | None
LARGEST = (1 << 63) - 1  # that an ONNX attribute holds
# What code raises where values in a file, which may be anything, do not fit together.
MISFITS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, StopIteration)
Shape = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class TensorType:
    """A tensor's logical (Keras) shape, batch first, None where unknown, and its NumPy dtype name.

    Attributes:
        shape: The dimensions.
        dtype: The dtype's name.
        content: For a whole number or a row of them, from which shapes are computed: the numbers as far as known.
    """

    shape: Shape
    dtype: str = "float32"
    content: tuple[Dim, ...] | None = None

    @property
    def rank(self) -> int:
        """The number of dimensions, the batch included."""
        return len(self.shape)

    def with_shape(self, shape: Sequence[Dim]) -> TensorType:
        """The same dtype with another shape."""
        return TensorType(tuple(shape), self.dtype)

    def with_dtype(self, dtype: str) -> TensorType:
        """The same shape with another dtype."""
        return TensorType(self.shape, dtype)


@dataclass(frozen=True, slots=True)
class Value:
    """One tensor of the graph, by a name that is unique in it."""

    name: str
    type: TensorType


@dataclass(frozen=True, slots=True)
class Domain:
    """What values a layer is meant to be given; inputs for a trial are drawn from it.

    Attributes:
        low: The smallest value.
        high: The largest value; for ids, the first one that is too large.
        ids: Whether the values are whole numbers.
        table: Whether each of them may be looked up, so that all are worth a trial.
        padding: The value that marks a masked step, None where there are none.
        examples: For strings, which ones.
        positive_definite: Whether the last two axes are of symmetric matrices with positive eigenvalues.
        mask: Whether the values say what counts, as bools do.
    """

    low: float = -3.0
    high: float = 3.0
    ids: bool = False
    table: bool = True
    padding: float | None = None
    examples: tuple[str, ...] = ()
    positive_definite: bool = False
    mask: bool = False


def axis_places(length: Dim) -> Domain:
    """The places on an axis of some length; where that is unknown, the first one."""
    return Domain(low=0, high=length or 1, ids=True)


POSITIVE_DEFINITE = Domain(positive_definite=True)
MASK = Domain(mask=True)
Masks = Value | None | tuple[Value | None, ...]
Emit = Callable[["Spec", Sequence[Value]], Value]
Types = TensorType | tuple[TensorType, ...]


@frozen
class Spec(Frozen):
    """The base of all layer specs.

    A spec holds only what changes the result of inference. Keras's configuration, in the canonical
    (Keras 3) form that the dialect gives, is read by ``parse``.

    Attributes:
        carries_mask: Whether the output's mask is the (first) input's mask.
        uses_mask: Whether the result depends on the mask; only then do back ends get it.
        float_only: Whether Keras casts integer inputs to float32 before the call.
        moves_values: Whether it only moves the first input's values, which mean the same to the next layer.
        random_in_training: Whether ``training=True`` in a call would make the result random.
        non_trainable: The roles, by their last component, that Keras lists after all trainable weights.
        quantizable: Whether it reads quantised weights.
        contracts: Whether it adds up products of its inputs along their axes.
        eliminates: Whether it eliminates in matrices, so that what is near zero in them may be off by a rounding of the
            matrix's largest number.
    """

    carries_mask: ClassVar[bool] = True
    uses_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = True
    moves_values: ClassVar[bool] = False
    random_in_training: ClassVar[bool] = False
    non_trainable: ClassVar[frozenset[str]] = frozenset()
    quantizable: ClassVar[bool] = False
    contracts: ClassVar[bool] = False
    eliminates: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Reads the canonical config of one layer; raises LayerError for what is not supported."""
        return cls()

    @property
    def magnitude(self) -> float:
        """The size of the numbers that it rounds on the way, however small what it gives may be; 0 for that itself."""
        return self.last_function.magnitude if self.last_function else 0.0

    @property
    def rounds(self) -> bool:
        """Whether it computes what it gives, so that rounding explains some of a difference."""
        return True

    def sampled_axes(self, rank: int) -> tuple[int, ...]:
        """The axes of its first input between whose numbers it weighs, at coordinates that it computes by rounding."""
        return ()

    @property
    def stateful(self) -> bool:
        """Whether its states outlive a call in Keras."""
        return False

    @property
    def state_names(self) -> tuple[str, ...]:
        """What its states are called, in the order in which they are its last inputs and outputs."""
        return ()

    def returning_states(self) -> Spec:
        """The spec with the final states as its last outputs."""
        return self

    def check_given(self, *inputs: TensorType) -> None:
        """Checks the inputs as they are given, before any cast.

        Raises:
            LayerError: Keras computes something else from such dtypes.
        """
        if self.float_only and any(x.dtype == "string" for x in inputs):
            raise LayerError("it takes numbers, but its input holds strings")

    def read_as_floats(self, count: int) -> Collection[int]:
        """Which of its inputs, of so many, Keras casts from whole numbers to float32."""
        return range(count) if self.float_only else ()

    def whole_dtype(self, given: str) -> str:
        """The dtype of its outputs where those it computes in float32 are whole numbers again; "" where they are not.

        Args:
            given: The dtype of the first input, which holds whole numbers.
        """
        return ""

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """The spec of one call with these constant keyword arguments.

        Raises:
            LayerError: An argument changes the result in a way that is not implemented.
        """
        for key, value in kwargs.items():
            if key != "training":
                given = f"a tensor as {key}" if has_slots(value) else f"{key}={str(value)[:40]}"
                raise LayerError(f"it is called with {given}, which is not supported")
        return self

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """The weight roles in Keras's order, with the shapes that these inputs imply."""
        return {}

    def infer(self, *inputs: TensorType) -> Types:
        """The output type, or a tuple of them for a layer with several outputs."""
        raise NotImplementedError

    @property
    def last_function(self) -> Function | None:
        """The elementwise function whose result it gives, None where there is none."""
        return None

    @property
    def cuts_to_whole_numbers(self) -> bool:
        """Whether it makes whole numbers of real ones, so that a rounding error may come out as a difference of 1."""
        return False

    def domain(self) -> Domain | None:
        """What the first input should be drawn from; None when any values will do."""
        return None

    def domain_of(self, index: int, inputs: Sequence[TensorType]) -> Domain | None:
        """What an input should be drawn from, by its place among them; None when any values will do."""
        return None if index else self.domain()

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Masks:
        """The mask of the first output, or a tuple of all outputs' masks; ``emit`` adds a call that computes one."""
        return masks[0] if self.carries_mask and masks else None

    def takes_masks(self, inputs: Sequence[Value]) -> Sequence[Value]:
        """The inputs that have no mask for any call that runs after this one."""
        return ()


def refuse_whole_numbers(inputs: Sequence[TensorType], what: str) -> None:
    """Refuses inputs that are not floating-point numbers.

    Args:
        inputs: The inputs.
        what: What Keras does with such.
    """
    found = sorted({x.dtype for x in inputs if not x.dtype.startswith("float")})
    if found:
        raise LayerError(f"its input is of {', '.join(found)}, {what}", "give the model inputs of float32")


def known_product(dims: Sequence[Dim]) -> Dim:
    """The product of dimensions, None when one of them is unknown."""
    product = 1
    for dim in dims:
        if dim is None:
            return None
        product *= dim
    return product


def free_once(shape: Sequence[Dim]) -> tuple[Dim, ...]:
    """A shape that is asked for, one dimension of which may be -1.

    Raises:
        LayerError: More of them are, or one is below.
    """
    if shape.count(-1) > 1 or any(dim is not None and dim < -1 for dim in shape):
        raise LayerError(f"it asks for the shape {list(shape)}, which has more than one unknown dimension")
    return tuple(shape)


def normalize_axis(axis: int, rank: int) -> int:
    """A non-negative axis for a tensor of this rank.

    Raises:
        LayerError: The tensor has no such axis.
    """
    if not -rank <= axis < rank:
        raise LayerError(f"axis {axis} does not exist in a tensor of rank {rank}")
    return axis % rank
