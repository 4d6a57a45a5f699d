"""Small models made without any Keras, for laws that hold whatever Keras computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kerasport.assembly.assembler import assemble
from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef
from kerasport.graph import Graph
from kerasport.reader.weights import Weight


@dataclass(frozen=True, eq=False)
class FakeWeight(Weight):
    """A weight that is already in memory."""

    array: NDArray[Any]

    @classmethod
    def of(cls, path: str, array: NDArray[Any]) -> Self:
        return cls(path, array.shape, array.dtype, array)

    def read(self) -> NDArray[Any]:
        return self.array


def layer(name: str, class_name: str, inputs: Sequence[str], **config: Any) -> LayerDef:
    """A layer called once on the outputs of other layers."""
    return LayerDef(name, class_name, config, (Node(tuple(TensorRef(i) for i in inputs)),))


def build(
    shape: Sequence[int | None],
    layers: Sequence[LayerDef],
    outputs: Sequence[str],
    seed: int = 0,
    dtype: str = "float32",
) -> Graph:
    """A graph with one input named ``x`` and random weights.

    Raises:
        ValueError: Some layer refuses its input.
    """
    source = LayerDef("x", "InputLayer", {"batch_shape": [None, *shape], "dtype": dtype}, (Node(()),))
    refs = tuple(TensorRef(name) for name in outputs)
    model = ModelDef("m", (source, *layers), (TensorRef("x"),), refs, ("x",), tuple(outputs))
    assembly = assemble(model)
    if assembly.problems:
        raise ValueError(str(assembly.problems))
    rng = np.random.default_rng(seed)
    graph = assembly.graph
    bound = {
        key: replace(
            entry,
            weights={role: FakeWeight.of(f"{key}/{role}", _draw(role, s, rng)) for role, s in entry.roles.items()},
        )
        for key, entry in graph.layers.items()
    }
    return replace(graph, layers=bound)


def _draw(role: str, shape: Sequence[int | None], rng: np.random.Generator) -> NDArray[Any]:
    sizes = [size or 1 for size in shape]
    if "variance" in role:
        return rng.uniform(0.5, 1.5, sizes).astype("float32")
    return rng.normal(0, 0.5, sizes).astype("float32")
