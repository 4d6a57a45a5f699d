"""How a kernel or table is stored: plain, with low-rank factors (LoRA), or quantised.

https://keras.io/api/models/model_config_and_operations/ and Keras's ``layers/core/dense.py`` define the forms:

- int8: ``kernel = q / scale``, a scale for each output channel;
- int4: two values a byte, the first one in the low half; ``kernel = q / scale``, or in blocks of rows
  ``kernel = (q - zero[g]) * scale[g]`` with the block ``g`` of each row in ``g_idx``;
- float8: ``kernel = e4m3(kernel / scale) * scale``, and the same for the inputs;
- gptq: the transposed kernel, unsigned, two values of 4 bits a byte along its first axis or one of other sizes;
  ``kernel = (q - zero[:, g]) * scale[:, g]``, with the group ``g`` of each column of ``q`` in ``g_idx``;
- awq: the same in 4 bits; then each row of the kernel is divided by its ``awq_scales``.

int8, and int4 before Keras 3.14, round the inputs too: ``s = 127 / (max|x| + 1e-7)`` over the features,
``y = round(x * s) @ q / (s * scale)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from kerasport.errors import DamagedFileError, LayerError
from kerasport.layers.base import Dim, Shape, known_product
from kerasport.layers.config import Config
from kerasport.layers.frozen import Frozen, frozen

GROUPED = ("gptq", "awq")
MODES = ("plain", "int8", "int4", "float8", *GROUPED)
EPSILON = 1e-7
# The last components of the roles that Keras merges into the kernel when it writes an archive.
MERGED_ROLES = frozenset(["lora_kernel_a", "lora_kernel_b", "lora_embeddings_a", "lora_embeddings_b"])
_FLOAT8 = ("inputs", "kernel", "outputs_grad")


def check_groups(smallest: int, largest: int, count: int) -> None:
    """Raises DamagedFileError where ``g_idx`` names other groups than the 0th to the last one."""
    if smallest < 0 or largest >= count:
        place = smallest if smallest < 0 else largest
        raise DamagedFileError(f"The g_idx of a quantised kernel names the group {place} of {count}.")


@frozen
class Layout(Frozen):
    """The shape of a kernel and of what belongs to it.

    Attributes:
        role: kernel or embeddings.
        shape: The kernel's shape when it is whole.
        channels: Its axes that have a scale for each index, in the order in which the scales are stored.
        scale: The shape in which the scales are stored.
        packed_axis: The axis along which Keras before 3.14 packs int4 values.
    """

    role: str
    shape: Shape
    channels: tuple[int, ...]
    scale: Shape
    packed_axis: int = 0

    @property
    def matrix(self) -> tuple[Dim, Dim]:
        """The shape in which int4 values are packed, along the last axis: (summed, channels); a table as it is."""
        if self.role == "embeddings":
            return self.shape[0], self.shape[1]
        rows = [dim for axis, dim in enumerate(self.shape) if axis not in self.channels]
        return known_product(rows), known_product([self.shape[axis] for axis in self.channels])

    @property
    def halves(self) -> tuple[Dim, Dim]:
        """The shape of the matrix that gptq and awq store: of three dimensions, the largest one stands alone."""
        first, *rest = self.shape
        largest = max(self.shape, key=lambda dim: dim or 0)
        if len(self.shape) < 3 or first == largest:
            return first, known_product(rest)
        return known_product(self.shape[:2]), known_product(self.shape[2:])

    @property
    def grouped_axis(self) -> int:
        """The axis of the matrix that blocks divide."""
        return 1 if self.role == "embeddings" else 0


@frozen
class Stored(Frozen):
    """The form in which a layer's kernel is stored.

    Attributes:
        mode: plain, int8, int4, float8, gptq or awq.
        rounds_inputs: Whether the inputs are rounded to 8 bits.
        block: The rows of a block of int4 values with a scale and a zero of its own, -1 for any number; None for one
            scale a channel.
        packs_rows: Whether int4 values are packed along an axis of the kernel itself, not of the matrix.
        nibbles: Whether gptq and awq store two values a byte.
        rank: That of the low-rank factors; 0 for none.
        factor: What the product of these factors is multiplied with.
    """

    mode: str = "plain"
    rounds_inputs: bool = False
    block: int | None = None
    packs_rows: bool = False
    nibbles: bool = False
    rank: int = 0
    factor: float = 0.0

    @property
    def changes_inputs(self) -> bool:
        """Whether the inputs of the product are rounded in any way."""
        return self.rounds_inputs or self.mode == "float8"

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys lora_rank and lora_alpha, and ``stored``, which says what the dtype policy does."""
        form: Mapping[str, Any] = config.get("stored", None) or {}
        if form.get("mode", "plain") not in MODES:
            raise LayerError(f"its weights are quantised ({form['mode']})", "save the model before model.quantize()")
        rank = config.integer("lora_rank") if config.get("lora_rank", None) else 0
        alpha = config.number("lora_alpha") if config.get("lora_alpha", None) is not None else float(rank)
        return cls(**form, rank=rank, factor=alpha / rank if rank else 0.0)

    def roles(self, layout: Layout, bias: Shape | None = None) -> dict[str, Shape]:
        """All roles in the order of Keras's archives, and the low-rank factors, which are not in these."""
        role = layout.role
        if self.mode in GROUPED:
            return ({} if bias is None else {"bias": bias}) | self._grouped(layout)
        roles: dict[str, Shape] = {role: self._packed(layout)}
        if bias is not None:
            roles["bias"] = bias
        if self.mode == "float8":
            for name in _FLOAT8:
                roles |= {f"{name}_scale": (), f"{name}_amax_history": (None,)}
        elif self.mode != "plain":
            roles[f"{role}_scale"] = self._scale(layout)
        if self.mode == "int4" and self.block:
            roles |= {f"{role}_zero": self._scale(layout), "g_idx": (layout.matrix[layout.grouped_axis],)}
        if self.rank:
            roles |= {
                f"lora_{role}_a": (*layout.shape[:-1], self.rank),
                f"lora_{role}_b": (self.rank, layout.shape[-1]),
            }
        return roles

    def _grouped(self, layout: Layout) -> dict[str, Shape]:
        rows, columns = layout.halves
        groups: Shape = (columns, self._blocks(rows))
        roles: dict[str, Shape] = {"kernel": (_half(columns) if self.nibbles else columns, rows)}
        roles |= {"kernel_scale": groups, "kernel_zero": groups}
        return roles | ({"awq_scales": (rows,)} if self.mode == "awq" else {}) | {"g_idx": (rows,)}

    def _packed(self, layout: Layout) -> Shape:
        if self.mode != "int4":
            return layout.shape
        if self.packs_rows:
            halved = layout.packed_axis
            return tuple(_half(dim) if axis == halved else dim for axis, dim in enumerate(layout.shape))
        rows, columns = layout.matrix
        return rows, _half(columns)

    def _scale(self, layout: Layout) -> Shape:
        if self.mode == "int8" or (self.packs_rows and not self.block):
            return layout.scale
        rows, columns = layout.matrix
        if layout.role == "embeddings":
            return (rows, self._blocks(columns)) if self.block else (rows,)
        return (self._blocks(rows), columns) if self.block else (columns,)

    def _blocks(self, size: Dim) -> Dim:
        return None if size is None or self.block is None or self.block < 0 else -(-size // self.block)


PLAIN = Stored()


def _half(dim: Dim) -> Dim:
    return None if dim is None else (dim + 1) // 2
