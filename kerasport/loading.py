"""Opens a model file: the path from bytes to a graph with lazy weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

from kerasport import dialect, reader
from kerasport.assembly.advice import Commands
from kerasport.assembly.assembler import assemble
from kerasport.assembly.evidence import Evidence
from kerasport.assembly.records import Assembly
from kerasport.assembly.sizes import Sizes
from kerasport.assembly.training import Training
from kerasport.custom.found_weights import stored_shapes
from kerasport.dialect.binding import Leaf, bind
from kerasport.dialect.model import LayerDef, ModelDef
from kerasport.dialect.paths import cells, places
from kerasport.errors import DamagedFileError, OptionError, UnsupportedModelError
from kerasport.finite import NotFinite, Watch
from kerasport.graph import Graph
from kerasport.layers.base import Shape
from kerasport.layers.stored import MERGED_ROLES
from kerasport.reader.saved import NamedWeights
from kerasport.reader.tree import WeightTree
from kerasport.reader.weights import Weight

_Sizes = Mapping[str, int | Sequence[int | None]]

Assembling = Callable[[ModelDef], Assembly]


@dataclass(eq=False)
class LoadedModel:
    """A model file with its graph; a context manager that closes the file.

    Attributes:
        saved: The open file.
        definition: The model in canonical form.
        assembly: Its graph, without weights, and the obstacles to converting it.
        sizes: The input sizes that were given for it.
    """

    saved: reader.SavedModel
    definition: ModelDef
    assembly: Assembly
    sizes: _Sizes = field(default_factory=dict)
    _graph: Graph | None = None
    _watch: Watch = field(default_factory=Watch)

    @property
    def not_finite(self) -> tuple[NotFinite, ...]:
        """The weights with NaN or infinite values, among those that have been read so far."""
        return self._watch.found()

    @property
    def graph(self) -> Graph:
        """The graph with its weights bound (lazily: no values are read).

        Raises:
            UnsupportedModelError: Some layers cannot be converted.
            DamagedFileError: The file's weights do not match its config.
            NotAModelError: It is an architecture without weights.
        """
        if self._graph is None:
            if self.assembly.problems:
                raise UnsupportedModelError(self.assembly.problems)
            if self.saved.lacks_weights is not None:
                raise self.saved.lacks_weights
            self._graph = self.with_weights(self.assembly.graph)
        return self._graph

    def with_weights(self, graph: Graph) -> Graph:
        """A graph of this model's layers with their weights bound.

        Raises:
            DamagedFileError: The file's weights do not match its config.
        """
        weights = self._bound_in(self.saved.tree) if self.saved.tree is not None else self._bound_by_layer()
        return replace(
            graph,
            layers={
                key: replace(layer, weights=self._watch.over(key, weights.get(key, {})))
                for key, layer in graph.layers.items()
            },
        )

    def _bound_in(self, tree: WeightTree) -> dict[str, dict[str, Weight]]:
        """The weights of all layers by their places in an archive; a layer of two models has only its first."""
        leaves = {
            leaf.key: leaf for layer in self.definition.layers for leaf in self.assembly.leaves(layer, layer.name, True)
        }
        weights: dict[str, dict[str, Weight]] = {}
        stored: dict[str, NamedWeights] = {}
        placed: dict[str, NamedWeights] = {}
        for key, path in places(self.definition, tree, self.assembly.parts):
            if key in leaves and leaves[key].roles:
                leaf, record = _at_its_place(leaves[key]), self.assembly.layers[key]
                stacks = cells(record.definition)
                held = [*(tree.weights(path, stacks) if record.parts is None else tree.own(path))]
                for part in leaf.storage.objects:
                    held += tree.weights(f"{path}/{part}", stacks)
                name = self._name_in_any_model(key)
                found = held or self._of_the_same(key, placed) or stored.get(name, [])
                stored.setdefault(name, found)
                placed[key] = found
                weights.update(bind(key, found, [leaf]))
        return weights

    def _of_the_same(self, key: str, placed: Mapping[str, NamedWeights]) -> NamedWeights:
        """For a part that another layer is, too: the weights of that one, in the innermost model that has such a layer.

        Raises:
            DamagedFileError: It has several.
        """
        layers, scope = self.assembly.layers, key
        own = layers[key].definition.same_as
        named = [at for at in placed if own == at.rpartition("/")[2] and not layers[at].definition.same_as]
        while own and scope:
            scope = scope.rpartition("/")[0]
            near = [at for at in named if at.startswith(f"{scope}/" if scope else "")]
            if len(near) > 1:
                raise DamagedFileError(f"The file does not tell which of {' and '.join(near)} the layer {key!r} is.")
            if near:
                return placed[near[0]]
        return []

    def _name_in_any_model(self, key: str) -> str:
        """A layer's own name; of a part of a layer, behind that of the layer."""
        holder, _, name = key.rpartition("/")
        if name in self.assembly.parts(holder):
            return f"{self._name_in_any_model(holder)}/{name}"
        return self.assembly.layers[key].definition.name

    def _bound_by_layer(self) -> dict[str, dict[str, Weight]]:
        """The weights of all layers by the groups of the file."""
        activations = {layer.activation_of: layer for layer in self.definition.layers if layer.activation_of}
        ordered = not self.saved.stored.layerwise  # frozen layers are in plain order
        leaves: dict[str, list[Leaf]] = {}
        for layer in self.definition.layers:
            parts = [layer, activations[layer.name]] if layer.name in activations else [layer]
            found = [leaf for part in parts for leaf in self.assembly.leaves(part, part.name, ordered) if leaf.roles]
            if found and not layer.activation_of:
                leaves[layer.name] = found
        saved = self.saved.weights
        groups = dialect.matched(self.saved.weights_path, list(leaves), saved)
        weights: dict[str, dict[str, Weight]] = {}
        for name, found in leaves.items():
            twins = self._twins(found)
            once = [leaf for leaf in found if leaf.key not in twins]
            weights |= bind(name, self._of_known_layers(name, saved[groups[name]]), once, groups[name])
            weights |= {key: weights[other] for key, other in twins.items()}
        return weights

    def _of_known_layers(self, name: str, saved: NamedWeights) -> NamedWeights:
        """The weights of a group without those of layers that are not supported, for a part beside these."""
        if not self.assembly.problems:
            return saved
        refused = {problem.layer for problem in self.assembly.problems}
        names = {
            key: record.definition.name for key, record in self.assembly.layers.items() if key.startswith(f"{name}/")
        }
        unknown = {names[key] for key in refused & names.keys()}
        unknown -= {names[key] for key in names.keys() - refused}
        return [(path, weight) for path, weight in saved if not unknown & set(path.split("/")[:-1])]

    def _twins(self, leaves: Sequence[Leaf]) -> dict[str, str]:
        """The parts of layers that are another layer of the same group, where that has the weights only once."""
        names = {leaf.key: self.assembly.layers[leaf.key].definition.same_as for leaf in leaves}
        found: dict[str, str] = {}
        for leaf in leaves:
            same = [other.key for other in leaves if other.name == names[leaf.key] and not names[other.key]]
            roles = [other.roles for other in leaves if other.key in same]
            if roles == [leaf.roles]:
                found[leaf.key] = same[0]
        return found

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
    """Without what an archive keeps elsewhere, SpectralNormalization's vector, or merges into the kernel."""
    gone = {"vector_u", *MERGED_ROLES}
    roles = {role: shape for role, shape in leaf.roles.items() if role not in gone}
    return replace(leaf, roles=roles, storage=leaf.storage.in_archive())


class Reading(TypedDict, total=False):
    """How to read a model file: the options of ``load`` and of all functions that read model files.

    Attributes:
        weights: A weight file, or a whole model of which only the weights are used.
        allow_keys: Unknown config keys to accept: ``key`` or ``Class.key``.
        backend: The backend of a Keras 1 model, "theano" or "tensorflow", if its weight names suggest the wrong one;
            None to infer it from these.
        input_shape: Input sizes that the file leaves open: ``batch``, ``time``, ``height``, ``width``,
            ``<input>_dim<axis>``, or whole shapes by input name, with None for dimensions that stay open.
        plugins: Python files that define layers which kerasport does not know; they are executed.
        lambdas: The functions of Lambda layers as source text, by layer name: ``x * 2``, or a whole lambda.
        sampling: "mean": random numbers in Lambda layers, and in layers called with ``training=True``, are replaced by
            the mean of their distribution; "refuse", the default, refuses them.
    """

    weights: str | Path | None
    allow_keys: Collection[str]
    backend: str | None
    input_shape: _Sizes
    plugins: Sequence[str | Path]
    lambdas: Mapping[str, str]
    sampling: str


def load(path: str | Path, **reading: Unpack[Reading]) -> LoadedModel:
    """Opens a Keras model file and works out its graph; reads no weight values.

    Args:
        path: A whole model (HDF5, a ``.keras`` archive or directory), or an architecture (JSON, YAML).
        **reading: As in ``Reading``.

    Raises:
        FileError: A file cannot be read as a Keras model, or as the weights of one.
        OptionError: The file itself names another backend, or has no such open sizes.
        PluginError: A plugin cannot be loaded, or fails.
    """
    return _opened(path, reading, alone=False)


def load_architecture(path: str | Path, **reading: Unpack[Reading]) -> LoadedModel:
    """Like ``load``, but an architecture may come without weights, which ``saved.lacks_weights`` then tells."""
    return _opened(path, reading, alone=True)


def _opened(path: str | Path, reading: Reading, alone: bool) -> LoadedModel:
    if plugins := reading.get("plugins"):
        from kerasport.custom.files import load as load_plugin

        for plugin in plugins:
            load_plugin(plugin)
    with reader.understood(Path(path)):
        return _loaded(path, reading, alone)


def _loaded(path: str | Path, reading: Reading, alone: bool) -> LoadedModel:
    allowed = frozenset(reading.get("allow_keys", ()))
    saved = reader.open_model(path, reading.get("weights"), alone)
    try:
        writer = _writer(saved, reading.get("backend"))
        saved.backend = writer.backend
        read = dialect.readings(saved.config, writer, () if saved.tree else list(saved.weights))
        texts, mean = reading.get("lambdas", {}), reading.get("sampling") == "mean"
        command = f"kerasport convert {quote(str(path))} {quote(Path(path).stem)}.onnx{with_weights(reading)}"
        found = (dialect.written(model, texts, mean, command) for model in read)
        part, commands = partial(dialect.part, writer=writer), Commands(command, _scaffold(path, reading))
        sizes = reading.get("input_shape", {})
        training = Training(mean, command)

        def assembled(model: ModelDef) -> Assembly:
            evidence = Evidence(partial(_likely_input, saved), partial(stored_shapes, saved, model))
            return assemble(model, allowed, Sizes(sizes), part, commands, training, evidence)

        return replace(_fitting(saved, found, assembled), sizes=sizes)
    except BaseException:
        saved.close()
        raise


def _scaffold(path: str | Path, reading: Reading) -> str:
    return f"kerasport scaffold {quote(str(path))}{with_weights(reading)}"


def with_weights(reading: Reading) -> str:
    """The option of a command that gives the file of the weights, "" where the model's own file has them."""
    weights = reading.get("weights")
    return f" --weights {quote(str(weights))}" if weights else ""


def _fitting(saved: reader.SavedModel, readings: Iterator[ModelDef], assembled: Assembling) -> LoadedModel:
    """The model in the first reading that the weights fit; where none does, in the first one."""
    models = (_read(saved, definition, assembled) for definition in readings)
    first = next(models)
    if first.assembly.problems or saved.lacks_weights is not None:
        return first
    others = chain([first], models)
    return next((model for model in others if _fits(model)), first)


def _read(saved: reader.SavedModel, definition: ModelDef, assembled: Assembling) -> LoadedModel:
    definition = dialect.with_input_shape(definition, lambda layer: list(_shapes(saved, layer).values()))
    definition = dialect.with_low_rank(definition, lambda layer: _shapes(saved, layer))
    if saved.tree is not None:
        definition = dialect.with_vocabularies(definition, saved.tree, saved.stored.text)
    return LoadedModel(saved, definition, assembled(definition))


def _likely_input(saved: reader.SavedModel, name: str, layer: LayerDef) -> Shape | None:
    return dialect.likely_input(layer, list(_shapes(saved, name).values()))


def _fits(model: LoadedModel) -> bool:
    try:
        return model.graph is not None
    except (DamagedFileError, UnsupportedModelError):
        return False


def _writer(saved: reader.SavedModel, asked: str | None) -> dialect.Writer:
    """Who wrote the config, and who the weights.

    The config's backend is the one that the model computes with, the weights' the one whose kernels they are. A
    backend that is asked for stands for one that no file names.
    """
    origin = saved.stored.origin
    version = saved.keras_version or _likely_version(saved.config, origin.keras_version)
    apart = saved.weights_path != saved.path and saved.tree is None
    silent = version if dialect.writer(version, "").keras1 else ""  # no weights file of Keras 1 tells its version
    stored = dialect.writer((origin.keras_version or silent) if apart else version, "")
    told = origin.backend or ("" if apart else saved.backend)
    if told and asked not in (None, told):
        raise OptionError(f"{saved.weights_path} says that its backend is {told}, not {asked}.")
    kernels = told or asked or (_backend_by_names(saved) if stored.keras1 else saved.backend)
    return dialect.writer(version, saved.backend or kernels, replace(stored, backend=kernels))


def _likely_version(config: Mapping[str, Any], of_weights: str) -> str:
    """That of the weights, unless the config is one of another generation of Keras."""
    likely = dialect.likely_version(config)
    same = dialect.writer(likely, "").version[0] == dialect.writer(of_weights, "").version[0]
    return of_weights if of_weights and same else likely


def _backend_by_names(saved: reader.SavedModel) -> str:
    """Keras 1 names no backend, but TensorFlow's names of weights do."""
    names = [name for layer in saved.weights for name, _ in saved.weights[layer]]
    return "theano" if names and not any(re.search(r":\d+$", name) for name in names) else "tensorflow"


def _shapes(saved: reader.SavedModel, layer: str) -> dict[str, tuple[int, ...]]:
    return {name: weight.shape for name, weight in saved.weights[layer]} if layer in saved.weights else {}
