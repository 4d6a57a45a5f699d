"""ReversibleEmbedding: a table that maps ids to rows, and features to a score for each id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Domain, Emit, Shape, Spec, TensorType, Value
from kerasport.layers.config import Config
from kerasport.layers.core import Embedding
from kerasport.layers.frozen import frozen
from kerasport.layers.stored import MERGED_ROLES, Layout, Stored

_IGNORED = "embeddings_initializer embeddings_regularizer embeddings_constraint input_length reverse_dtype"


@LAYERS.register("ReversibleEmbedding", ignored=_IGNORED)
@frozen
class ReversibleEmbedding(Embedding):
    """Rows of a table by ids; or in reverse ``x @ table^T``, then ``cap * tanh(y / cap)`` where there is a cap.

    Attributes:
        tied: Whether there is one table for both; else reverse has one of its own, (output_dim, input_dim).
        cap: The bound of the scores, None for none.
        reverse: Whether the call goes in reverse.
    """

    tied: bool = True
    cap: float | None = None
    reverse: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys of an Embedding, tie_weights, logit_soft_cap."""
        spec = super().parse(config)
        return replace(spec, tied=config.flag("tie_weights", True), cap=config.optional_number("logit_soft_cap"))

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """Takes reverse."""
        rest = dict(kwargs)
        reverse = bool(rest.pop("reverse", False))
        super().called_with(rest)
        return replace(self, reverse=reverse)

    @property
    def rounds(self) -> bool:
        """In reverse it adds up products."""
        return self.reverse or super().rounds

    @property
    def reverse_layout(self) -> Layout:
        """That of the table of its own for reverse."""
        shape = (self.output_dim, self.input_dim)
        return Layout(role="reverse_embeddings", shape=shape, channels=(1,), scale=shape[1:])

    @property
    def reverse_stored(self) -> Stored:
        """How that table is stored: int4 values are packed along its rows."""
        return replace(self.stored, packs_rows=self.stored.mode == "int4", rank=0)

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Embeddings (input_dim, output_dim), reverse_embeddings (output_dim, input_dim)."""
        roles = self.stored.roles(self.layout)
        if self.tied:
            return roles
        own = {role: shape for role, shape in self.reverse_stored.roles(self.reverse_layout).items() if role != "g_idx"}
        factors = {role: shape for role, shape in roles.items() if role in MERGED_ROLES}
        return {role: shape for role, shape in roles.items() if role not in factors} | own | factors

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, ..., output_dim); in reverse (batch, ..., input_dim)."""
        if not self.reverse:
            return super().infer(*inputs)
        if self.stored.rounds_inputs and self.stored.rank:
            raise LayerError("low-rank factors beside rounded inputs are not supported")
        return TensorType((*inputs[0].shape[:-1], self.input_dim))

    def domain(self) -> Domain | None:
        """Ids; in reverse, anything."""
        return None if self.reverse else super().domain()

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """That of an Embedding; none in reverse."""
        return None if self.reverse else super().output_mask(masks, inputs, emit)
