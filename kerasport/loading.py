"""A model file, opened and understood: the path from bytes to a graph with lazy weights."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from kerasport import dialect, reader
from kerasport.assemble import Assembly, assemble
from kerasport.dialect.binding import Leaf, bind
from kerasport.dialect.model import LayerDef, ModelDef
from kerasport.dialect.paths import cells, places
from kerasport.errors import DamagedFileError, UnsupportedModelError
from kerasport.graph import Graph
from kerasport.reader.saved import NamedWeights
from kerasport.reader.tree import WeightTree
from kerasport.reader.weights import Weight


@dataclass(eq=False)
class LoadedModel:
    """A model file with its graph; a context manager that closes the file.

    Attributes:
        saved: The open file.
        definition: The model in canonical form.
        assembly: Its graph, without weights, and what stands in the way of converting it.
    """

    saved: reader.SavedModel
    definition: ModelDef
    assembly: Assembly
    _graph: Graph | None = None

    @property
    def graph(self) -> Graph:
        """The graph with its weights bound (lazily: no values are read).

        Raises:
            UnsupportedModelError: Some layers cannot be converted.
            DamagedFileError: The file's weights are not those that its config implies.
        """
        if self._graph is None:
            if self.assembly.problems:
                raise UnsupportedModelError(self.assembly.problems)
            self._graph = self._with_weights()
        return self._graph

    def _with_weights(self) -> Graph:
        if self.saved.tree is not None:
            weights = self._bound_in(self.saved.tree)
        else:
            activations = {layer.activation_of: layer for layer in self.definition.layers if layer.activation_of}
            layers = [layer for layer in self.definition.layers if not layer.activation_of]
            weights = {
                key: weight
                for layer in layers
                for key, weight in self._bound(layer, activations.get(layer.name)).items()
            }
        graph = self.assembly.graph
        return replace(
            graph, layers={key: replace(layer, weights=weights.get(key, {})) for key, layer in graph.layers.items()}
        )

    def _bound_in(self, tree: WeightTree) -> dict[str, dict[str, Weight]]:
        """The weights of all layers by their places in an archive; a layer of two models has only its first."""
        leaves = {leaf.key: leaf for layer in self.definition.layers for leaf in self.leaves(layer, layer.name, True)}
        weights: dict[str, dict[str, Weight]] = {}
        stored: dict[str, NamedWeights] = {}
        for key, path in places(self.definition, tree):
            if key in leaves and leaves[key].roles:
                stacked = cells(self.assembly.layers[key].definition)
                found = tree.weights(path, stacked) or stored.get(leaves[key].name, [])
                stored.setdefault(leaves[key].name, found)
                weights.update(bind(key, found, [_at_its_place(leaves[key])]))
        return weights

    def _bound(self, layer: LayerDef, activation: LayerDef | None) -> dict[str, dict[str, Weight]]:
        parts = [layer, activation] if activation else [layer]
        leaves = [leaf for part in parts for leaf in self.leaves(part, part.name, True) if leaf.roles]
        if not leaves:
            return {}
        try:
            saved = self.saved.weights[layer.name]
        except KeyError:
            raise DamagedFileError(
                f"{self.saved.path} has no weights for the layer {layer.name!r}.",
                "Save the model again, or copy it again.",
            ) from None
        return bind(layer.name, saved, leaves)

    def leaves(self, layer: LayerDef, key: str, trainable: bool) -> Iterator[Leaf]:
        """The layers with weights under one layer, in the order in which Keras lists them."""
        trainable = trainable and layer.trainable
        if layer.model is not None:
            trainable = trainable and layer.model.trainable
            for part in layer.model.layers:
                yield from self.leaves(part, f"{key}/{part.name}", trainable)
            return
        inner = layer.inner.get("layer")
        if layer.class_name == "TimeDistributed" and inner is not None:
            yield from self.leaves(inner, f"{key}/{inner.name}", trainable)
            return
        record = self.assembly.layers.get(key)
        if record is not None and record.spec is not None:
            yield Leaf(key, layer.name, record.roles, record.spec.non_trainable, trainable)

    def close(self) -> None:
        """Closes the file."""
        self.saved.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _at_its_place(leaf: Leaf) -> Leaf:
    """Without what an archive keeps at a wrapper's own place: SpectralNormalization's vector, for training only."""
    return replace(leaf, roles={role: shape for role, shape in leaf.roles.items() if role != "vector_u"})


def load(path: str | Path, *, allow_keys: Collection[str] = ()) -> LoadedModel:
    """Opens a Keras model file and works out its graph; reads no weight values.

    Args:
        path: A whole-model HDF5 file or a ``.keras`` archive.
        allow_keys: Config keys to accept although kerasport does not know them: ``key`` or ``Class.key``.

    Raises:
        FileError: The file cannot be read as a Keras model.
    """
    saved = reader.open_model(path)
    try:
        definition = dialect.canonical(saved.config, dialect.writer(saved.keras_version, saved.backend))
        definition = dialect.with_input_shape(definition, lambda layer: _shapes(saved, layer))
        return LoadedModel(saved, definition, assemble(definition, frozenset(allow_keys)))
    except BaseException:
        saved.close()
        raise


def _shapes(saved: reader.SavedModel, layer: str) -> list[tuple[int, ...]]:
    return [weight.shape for _, weight in saved.weights[layer]] if layer in saved.weights else []
