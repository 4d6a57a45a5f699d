"""Classes of models that build their graph from a few arguments, and save only these: keras-hub's backbones ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasport import ecosystem
from kerasport.custom.faults import blamed
from kerasport.custom.registry import CUSTOM, CustomModelClass
from kerasport.errors import LayerError, NotAModelError
from kerasport.layers.config import Config
from kerasport.limits import limits, way_on


@dataclass(frozen=True)
class End:
    """An output of a call in a model.

    Attributes:
        layer: The layer's name.
        node: Which of its calls, from 0.
        tensor: Which of its outputs, from 0.
    """

    layer: str
    node: int = 0
    tensor: int = 0

    @property
    def reference(self) -> list[Any]:
        """As a model's config names it."""
        return [self.layer, self.node, self.tensor]


class CustomModel:
    """A model that is being built, as its function sees it.

    Attributes:
        name: The model's name.
        config: Its config; what is neither read nor ignored is an error for the user.
        inputs: Its inputs so far, by name.
        outputs: What its function has returned: an ``End``, or a dict of them.
    """

    def __init__(self, known: CustomModelClass, config: Mapping[str, Any]) -> None:
        self.name = str(config.get("name"))
        self.config = Config(config, known.ignored, {}, known.name)
        self.inputs: dict[str, End] = {}
        self._settings = {key: config[key] for key in ("trainable", "dtype") if key in config}
        self._entries: dict[str, dict[str, Any]] = {}
        self._calls = 0
        with blamed(known.origin):
            self.outputs: Any = known.function(self)

    def input(self, name: str, shape: Sequence[int | None] = (None,), dtype: str = "int32") -> End:
        """An input; its shape is without the batch."""
        config = {"name": name, "batch_shape": [None, *shape], "dtype": dtype}
        self._entries[name] = {"class_name": "InputLayer", "name": name, "config": config, "inbound_nodes": []}
        self.inputs[name] = End(name)
        return self.inputs[name]

    def layer(
        self, class_name: str, name: str, *inputs: End, call: Mapping[str, Any] | None = None, **config: Any
    ) -> End:
        """A layer, called on tensors; make them in the order in which Keras calls them.

        Args:
            class_name: Its class: "Dense", "keras_hub>TransformerEncoder" ...
            name: Its name.
            inputs: What it is called on.
            call: The keyword arguments of the call; tensors too.
            config: Its arguments, by name.
        """
        whole = {"trainable": True, **self._settings, **config, "name": name}
        self._entries[name] = {"class_name": class_name, "name": name, "config": whole, "inbound_nodes": []}
        return self.again(name, *inputs, **(call or {}))

    def again(self, name: str, *inputs: End, **call: Any) -> End:
        """A layer that is there, called once more.

        Raises:
            LayerError: A file has made the model larger than any is.
        """
        self._calls += 1
        if self._calls > limits().layers:
            raise LayerError(f"it has more than {limits().layers:,} layers", way_on("layers"))
        calls = self._entries[name]["inbound_nodes"]
        named = {key: _tensor(value) if isinstance(value, End) else value for key, value in call.items()}
        calls.append({"args": [_tensor(end) for end in inputs], "kwargs": named})
        return End(name, len(calls) - 1)

    def held(self, key: str) -> CustomModel:
        """The model in the config under a key; it may be given other outputs before it is called."""
        saved = self.config.get(key)
        known = _known(saved) if isinstance(saved, Mapping) else None
        if known is None:
            found = saved.get("class_name") if isinstance(saved, Mapping) else saved
            raise LayerError(f"the class of its {key}, {found!r}, is not known")
        model = CustomModel(known, saved["config"])
        entry = {"class_name": saved["class_name"], "name": model.name, "inbound_nodes": []}
        self._entries[model.name] = entry
        return model

    def call(self, model: CustomModel) -> Any:
        """The output, or a dict of them, of a model that this one holds, called on inputs of the same names."""
        for name in model.inputs:
            if name not in self.inputs:
                held = model._entries[name]["config"]
                self.input(name, held["batch_shape"][1:], held["dtype"])
        entry = self._entries.pop(model.name)  # behind its inputs
        self._entries[model.name] = entry | {"config": model.graph()}
        self.again(model.name, *(self.inputs[name] for name in sorted(model.inputs)))
        if isinstance(model.outputs, End):
            return End(model.name)
        return {key: End(model.name, 0, place) for place, key in enumerate(sorted(model.outputs))}

    def graph(self) -> dict[str, Any]:
        """The config that Keras would have written for a functional model."""
        outputs = self.outputs
        ends = outputs.reference if isinstance(outputs, End) else {key: end.reference for key, end in outputs.items()}
        unread = self.config.unread()
        if unread:
            key, value = next(iter(unread.items()))
            raise LayerError(f"the option {key!r} ({str(value)[:40]}) is not known")
        return {
            "name": self.name,
            "trainable": self._settings.get("trainable", True),
            "layers": list(self._entries.values()),
            "input_layers": {name: end.reference for name, end in self.inputs.items()},
            "output_layers": ends,
        }


def _tensor(end: End) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": end.reference}}


def built(config: Any) -> Any:
    """A copy of a whole model's config in which each model of a known class has its graph.

    Args:
        config: Classes that are not Keras's have their packages before their names.

    Raises:
        NotAModelError: An option of such a model is not supported.
    """
    if isinstance(config, list):
        return [built(item) if isinstance(item, dict | list) else item for item in config]
    if not isinstance(config, dict):
        return config
    known = _known(config)
    if known is None:
        return {key: built(value) if isinstance(value, dict | list) else value for key, value in config.items()}
    try:
        return {**config, "config": CustomModel(known, config["config"]).graph()}
    except LayerError as error:
        raise NotAModelError(f"The graph of {known.name!r} cannot be built: {error.what}.", error.hint) from error


def _known(config: Mapping[str, Any]) -> CustomModelClass | None:
    """The class of an entry, where it is one of such models."""
    name, inner = config.get("class_name"), config.get("config")
    if not isinstance(name, str) or not isinstance(inner, Mapping) or "output_layers" in inner:
        return None
    name = ecosystem.named(name, inner.keys())
    found = CUSTOM.find(name) if ">" in name or CUSTOM.replaces(name) else None
    return found if isinstance(found, CustomModelClass) else None
