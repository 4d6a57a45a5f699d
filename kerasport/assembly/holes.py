"""What layers give that cannot be worked out: where its shape is told, the graph goes on behind it.

So everything that stands in a model's way is found at once, and a part of it may begin behind such a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasport.assembly.evidence import Guess
from kerasport.assembly.records import LayerRecord, is_too_large, value_dtype
from kerasport.assembly.sizes import Sizes
from kerasport.assembly.time_axis import Flow
from kerasport.custom.registry import CUSTOM
from kerasport.dialect.model import LayerDef, Node, TensorRef
from kerasport.errors import DamagedFileError, LayerError, Problem, UnknownError
from kerasport.layers.base import Shape, TensorType, Value
from kerasport.text import dims_text

_MOST_AXES = 8


@dataclass(frozen=True)
class Hole:
    """A tensor that nothing in the graph gives.

    Attributes:
        value: The tensor.
        layer: The full name of the layer that gives it.
        is_mask: Whether it is the mask that may come with what the layer gives, and not that itself.
    """

    value: Value
    layer: str
    is_mask: bool = False


@dataclass(frozen=True)
class Reading:
    """One of the tensors that a layer reads.

    Attributes:
        tensor: Which one.
        giver: The layer that gives it.
        reader: The layer that reads it.
        prefix: What stands before the names of both.
        node: The call.
    """

    tensor: TensorRef
    giver: LayerDef
    reader: LayerDef
    prefix: str
    node: Node

    @property
    def label(self) -> str:
        """What an input is called that stands for it."""
        tensors = list(dict.fromkeys(self.node.inputs))
        return input_name(self.prefix + self.reader.name, tensors.index(self.tensor), len(tensors))


@dataclass
class Holes:
    """The holes of one model.

    Attributes:
        sizes: What the user says of shapes.
        guess: The likely shape of what a layer reads, from its weights.
        records: What is known of layers, by their full names.
        problems: Which layers are not supported.
        unique: Makes a name that the graph does not have yet.
        refuse: Says that a layer, by its full name, is not supported.
        found: All holes.
        shapeless: For each layer that gives something of a shape that nothing tells: the layers that read it, with
            what is to be given by ``--input-shape`` for each.
    """

    sizes: Sizes
    guess: Guess
    records: Mapping[str, LayerRecord]
    problems: Mapping[str, Problem]
    unique: Callable[[str], str]
    refuse: Callable[[str, LayerError], None]
    found: list[Hole] = field(default_factory=list)
    shapeless: dict[str, dict[str, str]] = field(default_factory=dict)
    _known: dict[tuple[str, TensorRef], Flow] = field(default_factory=dict)

    def filled(self, flow: Flow, reading: Reading) -> Flow:
        """A tensor; one that could not be worked out is a hole, or nothing still, where no shape is told."""
        if flow.value is not None:
            self._hold_against(flow.value, reading)
        if flow.value is not None or reading.giver.class_name == "InputLayer":
            return flow
        tensor = reading.prefix, reading.tensor
        if tensor not in self._known:
            shape = self.sizes.shape(reading.label, _shape(reading.tensor.shape))
            if shape is None:
                self._miss(reading)
                return flow
            type_ = TensorType(shape, _dtype(reading))
            if is_too_large(type_):
                return flow
            self._known[tensor] = self._hole(reading.prefix + reading.giver.name, type_)
        return self._known[tensor]

    def _hold_against(self, value: Value, reading: Reading) -> None:
        """Refuses a layer that is taken for another's by its name, and gives a shape that the file does not note."""
        given, noted = value.type.shape, _shape(reading.tensor.shape)
        if noted is None or _agree(given, noted):
            return
        name = reading.giver.class_name
        package = CUSTOM.assumed(name)
        if package:
            what = f"it gives {dims_text(noted)}, and so is not what {package} has by its name, which gives"
            error = UnknownError(f"{what} {dims_text(given)}", name=name.rpartition(">")[2])
            self.refuse(reading.prefix + reading.giver.name, error)

    def _miss(self, reading: Reading) -> None:
        """Notes a shape that is to be given, where it is the giver that is not supported, and not one before that."""
        giver, reader = reading.prefix + reading.giver.name, reading.prefix + reading.reader.name
        if any(_is_within(key, giver) for key in self.problems):
            likely = self.guess(reader, reading.reader)
            told = "SHAPE" if likely is None else dims_text(likely)
            self.shapeless.setdefault(giver, {})[reader] = f"{reading.label}={told}"

    def _hole(self, layer: str, type_: TensorType) -> Flow:
        """A tensor; a mask may come with it where the layer was given one."""
        hole = Hole(Value(self.unique(layer), type_), layer)
        self.found.append(hole)
        masked = any(flow.mask for key in self.records if _is_within(key, layer) for flow in self.records[key].given)
        if not masked or type_.rank < 3:
            return Flow(hole.value)
        mask = Hole(Value(f"{hole.value.name}/mask", TensorType(type_.shape[:2], "bool")), layer, is_mask=True)
        self.found.append(mask)
        return Flow(hole.value, mask.value)


def picked(done: Mapping[tuple[str, int], list[Flow]], ref: TensorRef) -> Flow:
    """What a call has given, as far as that is known.

    Raises:
        DamagedFileError: It has not so many outputs.
    """
    flows = done[ref.layer, ref.node]
    if flows == [Flow(None)]:
        return flows[0]
    if ref.tensor >= len(flows):
        raise DamagedFileError(f"The layer {ref.layer!r} has {len(flows)} outputs; output {ref.tensor} is asked for.")
    return flows[ref.tensor]


def _agree(given: Shape, noted: Shape) -> bool:
    return len(given) == len(noted) and all(
        None in pair or pair[0] == pair[1] for pair in zip(given, noted, strict=True)
    )


def _is_within(key: str, layer: str) -> bool:
    return f"{key}/".startswith(f"{layer}/")


def input_name(layer: str, place: int = 0, count: int = 1) -> str:
    """What an input is called that stands for one of the tensors that a layer reads."""
    return f"{layer}_input" if count == 1 else f"{layer}_input_{place}"


def _shape(raw: Any) -> Shape | None:
    """What a file notes as a shape, where it is one."""
    if not isinstance(raw, list | tuple) or not 0 < len(raw) <= _MOST_AXES:
        return None
    known = all(dim is None or (type(dim) is int and dim > 0) for dim in raw)
    return (None, *raw[1:]) if known else None


def _dtype(reading: Reading) -> str:
    return value_dtype(reading.tensor.dtype or ("int32" if reading.reader.class_name == "Embedding" else "float32"))
