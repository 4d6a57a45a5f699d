"""Attention: dot-product, concatenating and additive; multi-head and grouped-query."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeVar

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import MASK, Dim, Domain, Emit, Shape, Spec, TensorType, Value, refuse_whole_numbers
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.slots import Slot
from kerasport.layers.stored import PLAIN, Layout, Stored

T = TypeVar("T")
_OUTPUT_MASKS = ("given", "implicit", "none")
_HEADS_IGNORED = "dropout seed query_shape key_shape value_shape flash_attention"
_HEADS_LIMITS = "masks, causal masks and windows are supported only if attention runs over the axis after the batch"
# MultiHeadAttention's tensor arguments, in the order of its signature.
_MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")
_ARGUMENTS = ("query", "value", "key", *_MASKS)


@LAYERS.register("Attention", "AdditiveAttention", ignored="dropout seed")
@frozen
class Attention(Spec):
    """``softmax(scores(query, key)) @ value``, for a query and a value, and a key where that is not the value.

    Masked values, and under a causal mask all values behind the query's own step, have their score lowered
    beyond notice; masked steps of the query give zeros.

    Attributes:
        score: dot ``q . k``, concat ``weight * sum(tanh(q + k))``, or additive ``sum(scale * tanh(q + k))``.
        use_scale: Whether there is a scale: of the scores (dot), within the tanh (concat), or per feature (additive).
        causal: Whether a query sees only the values up to its own step.
        scores: Whether the distribution is a second output.
        masks: Where among the inputs explicit masks of the query and the value are, None where one is not given;
            None where the masks of the inputs themselves count.
        exact: Whether lowered scores keep their differences, as in float64, so that a query that may see nothing sees
            everything.
        output_mask_of: Whose mask the output has: the query's ``given`` here (or else its own), its own
            (``implicit``), or ``none``.
    """

    contracts: ClassVar[bool] = True

    score: str
    use_scale: bool = False
    causal: bool = False
    scores: bool = False
    masks: tuple[int | None, ...] | None = None
    exact: bool = False
    output_mask_of: str = "given"
    float_only: ClassVar[bool] = False
    uses_mask: ClassVar[bool] = True

    def check_given(self, *inputs: TensorType) -> None:
        """Refuses whole numbers, of which not every Keras makes the same, and most fail."""
        refuse_whole_numbers(self.tensors(inputs) if len(inputs) > 1 else (), "which are not supported")

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: use_scale, score_mode, causal."""
        additive = config.class_name == "AdditiveAttention"
        return cls(
            score="additive" if additive else config.choice("score_mode", ("dot", "concat"), "dot"),
            use_scale=config.flag("use_scale", additive),
            causal=config.flag("causal"),
            exact=config.flag("exact_scores"),
            output_mask_of=config.choice("output_mask", _OUTPUT_MASKS, "given"),
        )

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """Takes mask (a list), use_causal_mask and return_attention_scores."""
        rest = dict(kwargs)
        masks, causal = rest.pop("mask", None), bool(rest.pop("use_causal_mask", False))
        scores = bool(rest.pop("return_attention_scores", False))
        super().called_with(rest)
        given = None if masks is None else tuple(_index(mask) for mask in masks[:2])
        return replace(self, causal=self.causal or causal, scores=scores, masks=given)

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Scale (features,) for additive, else (); then concat_score_weight ()."""
        roles: dict[str, Shape] = {}
        if self.use_scale:
            roles["scale"] = (inputs[0].shape[-1],) if self.score == "additive" else ()
        return roles | ({"concat_score_weight": ()} if self.score == "concat" else {})

    def tensors(self, inputs: Sequence[T]) -> tuple[T, T, T]:
        """Query, value and key."""
        count = len(inputs) - sum(mask is not None for mask in self.masks or ())
        return inputs[0], inputs[1], inputs[2 if count > 2 else 1]

    def domain_of(self, index: int, inputs: Sequence[TensorType]) -> Domain | None:
        """Masks, where they are given."""
        return MASK if index in (self.masks or ()) else None

    def masked(self, inputs: Sequence[T], masks: Sequence[T | None]) -> tuple[T | None, T | None]:
        """The masks of the query and of the value that count."""
        if self.masks is None:
            return (masks[0], masks[1]) if masks else (None, None)
        query, value = (None if index is None else inputs[index] for index in self.masks)
        return query, value

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """(batch, query steps, value features); then (batch, query steps, value steps)."""
        if len(inputs) < 2:
            raise LayerError("it is called without a value")
        query, value, key = self.tensors(inputs)
        if not query.rank == value.rank == key.rank or query.rank < 3:
            raise LayerError(f"its inputs have the ranks {query.rank}, {value.rank} and {key.rank}")
        _require_partners(value, key, (value.rank - 2,))
        if self.score == "concat" and query.shape[-1] is None:
            raise LayerError("the size of its query's features is not known")
        output = query.with_shape((*query.shape[:-1], value.shape[-1]))
        distribution = query.with_shape((*query.shape[:-1], key.shape[-2]))
        return (output, distribution) if self.scores else (output,)

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """The query's."""
        if self.output_mask_of == "none":
            return None
        implicit = masks[0] if masks else None
        return implicit if self.output_mask_of == "implicit" else self.masked(inputs, masks)[0]


def _require_partners(value: TensorType, key: TensorType, axes: Sequence[int]) -> None:
    """Refuses values that have not a key each."""
    for axis in axes:
        values, keys = value.shape[axis], key.shape[axis]
        if None not in (values, keys) and values != keys:
            raise LayerError(f"it has {keys} keys for {values} values")


def _index(mask: Any) -> int | None:
    if mask is None:
        return None
    if not isinstance(mask, Slot):
        raise LayerError(f"it is called with the mask {str(mask)[:40]!r}, which is not supported")
    return mask.index


@LAYERS.register("MultiHeadAttention", "GroupQueryAttention", ignored=_HEADS_IGNORED, limits=_HEADS_LIMITS)
@frozen
class MultiHeadAttention(Spec):
    """``concat_h(softmax(q_h . k_h / sqrt(key_dim)) @ v_h) @ output``, with ``q_h = query @ kernel_h + bias_h`` ...

    Attributes:
        heads: How many heads the query has.
        groups: How many the key and the value have; consecutive heads of the query share one.
        key_dim: Features of each head of the query and the key.
        value_dim: Features of each head of the value.
        use_bias: Whether all projections have biases.
        gate: Whether each head's output is multiplied by ``sigmoid(query @ gate_h + bias)``.
        output_shape: The last axes of the output; None for one like the query's.
        axes: The axes that attention runs over; None for all but the batch and the features.
        window: Steps farther apart than ``window - 1`` do not see each other.
        zeroed: Whether a query that may see nothing gets zero weights rather than equal ones: ``never``,
            ``always``, or ``unfused``, where it returns scores or has more than one axis behind the batch.
        exact: Whether lowered scores keep their differences: see ``Attention``.
        implicit_masks: Whether the masks of query, value and key themselves count.
        unmasks: Whether it takes the masks off its inputs, for later calls too, and an explicit query_mask
            does not count.
        causal: Whether a query sees only the values up to its own step.
        scores: Whether the distribution is a second output.
        named: Which inputs were given by name: (argument, index) pairs.
        stored: How the kernels of all projections are stored.
    """

    contracts: ClassVar[bool] = True

    heads: int
    groups: int
    key_dim: int
    value_dim: int
    use_bias: bool = True
    gate: bool = False
    output_shape: tuple[int, ...] | None = None
    axes: tuple[int, ...] | None = None
    window: int | None = None
    zeroed: str = "never"
    exact: bool = False
    implicit_masks: bool = True
    unmasks: bool = False
    causal: bool = False
    scores: bool = False
    named: tuple[tuple[str, int], ...] = ()
    stored: Stored = PLAIN
    float_only: ClassVar[bool] = False
    uses_mask: ClassVar[bool] = True
    quantizable: ClassVar[bool] = True

    def read_as_floats(self, count: int) -> Collection[int]:
        """Query, value and key, which are projected first."""
        return self.tensors(range(count))

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys of both layers."""
        grouped = config.class_name == "GroupQueryAttention"
        heads = config.integer("num_query_heads" if grouped else "num_heads")
        key_dim = config.integer("head_dim" if grouped else "key_dim")
        value_dim = None if grouped else config.get("value_dim", None)
        window = config.get("sliding_window", None)
        spec = cls(
            heads=heads,
            groups=config.integer("num_key_value_heads") if grouped else heads,
            key_dim=key_dim,
            value_dim=config.integer("value_dim") if value_dim else key_dim,
            use_bias=config.flag("use_bias", True),
            gate=config.flag("use_gate"),
            output_shape=_optional(config, "output_shape"),
            axes=_optional(config, "attention_axes"),
            window=None if window is None else config.integer("sliding_window"),
            zeroed=_zeroed(config),
            exact=config.flag("exact_scores"),
            implicit_masks=config.flag("implicit_masks", True),
            unmasks=config.flag("takes_masks"),
            stored=Stored.parse(config),
        )
        if spec.heads % spec.groups:
            raise LayerError(f"{spec.heads} heads cannot share {spec.groups} keys")
        return spec

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """Takes tensors by name, use_causal_mask and return_attention_scores."""
        rest = dict(kwargs)
        causal, scores = bool(rest.pop("use_causal_mask", False)), bool(rest.pop("return_attention_scores", False))
        named = tuple((key, v.index) for key, v in rest.items() if key in _ARGUMENTS and isinstance(v, Slot))
        super().called_with({key: value for key, value in rest.items() if key not in dict(named)})
        return replace(self, causal=causal, scores=scores, named=named)

    def domain_of(self, index: int, inputs: Sequence[TensorType]) -> Domain | None:
        """Masks, where an argument asks for one."""
        return MASK if any(self.argument(name, range(len(inputs))) == index for name in _MASKS) else None

    # --- which input is what

    def argument(self, name: str, inputs: Sequence[T]) -> T | None:
        """The input that stands for an argument, or None; ``masks`` aligned with the inputs may be asked too."""
        index = dict(self.named).get(name, _ARGUMENTS.index(name))
        taken = {at for other, at in self.named if other != name}
        return inputs[index] if index < len(inputs) and index not in taken else None

    def tensors(self, inputs: Sequence[T]) -> tuple[T, T, T]:
        """Query, value and key.

        Raises:
            LayerError: There are no query and value.
        """
        query, value = self.argument("query", inputs), self.argument("value", inputs)
        if query is None or value is None:
            raise LayerError("it is called without a query or a value")
        key = self.argument("key", inputs)
        return query, value, value if key is None else key

    def masked(self, inputs: Sequence[T], masks: Sequence[T | None]) -> tuple[T | None, T | None, T | None]:
        """The masks of the query, the value and the key that count."""
        found = []
        for name in ("query", "value", "key"):
            mask = self.argument(f"{name}_mask", inputs)
            if mask is None or (name == "query" and self.unmasks):
                mask = self.argument(name, masks) if masks and self.implicit_masks else None
            found.append(mask)
        return found[0], found[1], found[2]

    # --- shapes

    def attended(self, rank: int) -> tuple[int, ...]:
        """The axes that attention runs over, for a query of this rank."""
        axes = tuple(range(1, rank - 1)) if self.axes is None else self.axes
        if not axes or any(not 0 < axis < rank - 1 for axis in axes) or len(set(axes)) < len(axes):
            raise LayerError(f"attention_axes={axes} is not supported for an input of rank {rank}")
        return axes

    def zeroes_unseeing(self, rank: int) -> bool:
        """Whether a query that may see nothing gets zero weights, for a query of this rank."""
        return self.zeroed == "always" or (self.zeroed == "unfused" and (self.scores or rank != 3))

    def layouts(self, *inputs: TensorType) -> dict[str, Layout]:
        """The kernels of query, key, gate, value and attention_output, in Keras's order."""
        query, value, key = self.tensors(inputs)
        gate = {"gate": (query.shape[-1:], (self.heads, self.value_dim))} if self.gate else {}
        parts: dict[str, tuple[Shape, Shape]] = {
            "query": (query.shape[-1:], (self.heads, self.key_dim)),
            "key": (key.shape[-1:], (self.groups, self.key_dim)),
            **gate,
            "value": (value.shape[-1:], (self.groups, self.value_dim)),
            "attention_output": ((self.heads, self.value_dim), self.output_shape or query.shape[-1:]),
        }
        free = (1,) * (query.rank - 1)
        return {
            name: Layout(
                role="kernel",
                shape=(*rows, *columns),
                channels=tuple(range(len(rows), len(rows) + len(columns))),
                scale=(*free, *columns),
            )
            for name, (rows, columns) in parts.items()
        }

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernel and bias of each projection, with its name before the role."""
        roles: dict[str, Shape] = {}
        for name, layout in self.layouts(*inputs).items():
            bias = tuple(layout.shape[axis] for axis in layout.channels) if self.use_bias else None
            roles |= {f"{name}/{role}": shape for role, shape in self.stored.roles(layout, bias).items()}
        return roles

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """(batch, ..., output); then (batch, ..., heads, query steps, value steps)."""
        query, value, key = self.tensors(inputs)
        if not query.rank == value.rank == key.rank or query.rank < 3:
            raise LayerError(f"its inputs have the ranks {query.rank}, {value.rank} and {key.rank}")
        axes = self.attended(query.rank)
        _require_partners(value, key, axes)
        if self.groups < self.heads and query.rank != 3:
            raise LayerError(f"its input has rank {query.rank} where (batch, steps, features) is needed")
        if axes != (1,) and (self.causal or self.window is not None):
            raise LayerError(f"attention_axes={axes} is not supported with a causal mask or a window")
        output = query.with_shape((*query.shape[:-1], *(self.output_shape or query.shape[-1:])))
        if not self.scores:
            return (output,)
        batch: list[Dim] = [dim for axis, dim in enumerate(query.shape[:-1]) if axis not in axes]
        steps = [tensor.shape[axis] for tensor in (query, value) for axis in axes]
        return output, query.with_shape((*batch, self.heads, *steps))

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """The query's own."""
        axes = self.attended(inputs[0].type.rank)
        if any(mask is not None and (mask.type.rank, axes) != (2, (1,)) for mask in self.masked(inputs, masks)):
            raise LayerError("it is given masks of more than the steps, or attends to other axes than its masks")
        return self.argument("query", masks) if masks and self.implicit_masks else None

    def takes_masks(self, inputs: Sequence[Value]) -> Sequence[Value]:
        """Query, value and key in Keras 3.8 and later."""
        return self.tensors(inputs) if self.unmasks else ()


def _optional(config: Config, key: str) -> tuple[int, ...] | None:
    return config.integers(key) if config.get(key, None) else None


def _zeroed(config: Config) -> str:
    if config.choice("masked", ("lowered", "zeroed"), "lowered") == "lowered":
        return "never"
    return "always" if config.get("dropout", 0) else "unfused"
