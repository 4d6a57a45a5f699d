"""Lambda layers: their functions as each Keras stores them, in one form."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kerasport.dialect.model import LayerDef, ModelDef, below, each
from kerasport.dialect.writer import Writer
from kerasport.errors import OptionError
from kerasport.lambdas.stored import StoredFunction
from kerasport.lambdas.values import Surroundings
from kerasport.layers import LAYERS

if TYPE_CHECKING:
    from kerasport.assembly.parsing import Part

# What the config keys of a Lambda begin with.
_KNOWN = (
    *("function", "module", "output_shape", "mask", "arguments", "surroundings", "name", "trainable", "dtype"),
    *("batch_", "input_dtype", "autocast"),
)


def upgrade(config: dict[str, Any], writer: Writer, part: Part) -> None:
    """The canonical config of a Lambda: a ``StoredFunction``, its arguments, what else its result depends on.

    Keras 1 and 2 store a function as its code, alone or with defaults and closure, as text, or its name; Keras 3 as a
    dict of these, or as the place of a function that is not a lambda.

    Args:
        config: The config.
        writer: Who wrote it.
        part: Makes the canonical definition of a layer.
    """
    config["function"] = _function(config.get("function"), config)
    config["arguments"] = plain(config.get("arguments") or {})
    config["surroundings"] = Surroundings(writer.backend or "tensorflow", corners=_by_corners(writer), part=part)
    mask, kind = config.get("mask"), config.get("mask_type")
    config["mask"] = None if mask is None else _function(mask, {"function_type": kind})
    said = None if writer.tensorflow else config.get("output_shape")  # tf.keras goes by what the function gives
    config["output_shape"] = None if said is None else _shape(said, config.get("output_shape_type"))
    unknown = [key for key in config if not key.startswith(_KNOWN)]
    if unknown:
        config["function"] = replace(config["function"], unclear=f"the option {unknown[0]!r} of Lambda is not known")


def _shape(raw: Any, kind: Any) -> Any:
    """What the file says of the output's shape: sizes without the batch, or a function of the input's shape."""
    if kind in ("lambda", "function") or isinstance(raw, Mapping):
        return _function(raw, {"function_type": kind})
    sizes = plain(raw)
    is_row = isinstance(sizes, list | tuple) and all(size is None or isinstance(size, int) for size in sizes)
    return tuple(sizes) if is_row else None


def _by_corners(writer: Writer) -> bool | None:
    """Whether TensorFlow 1 computes; None for Kerases that come with TensorFlow 1 and 2 alike."""
    if writer.tensorflow:
        return None if (2, 2, 4) <= writer.version < (2, 3) else writer.version < (2, 2, 4)
    return None if (2, 3) <= writer.version < (3,) else not writer.keras3


def _function(raw: Any, config: Mapping[str, Any]) -> StoredFunction:
    kind, module = config.get("function_type"), str(config.get("module") or "")
    if isinstance(raw, Mapping):
        inner = raw.get("config")
        if isinstance(inner, Mapping) and "code" in inner:
            return _code(inner["code"], inner.get("defaults"), inner.get("closure"))
        name = inner if isinstance(inner, str) else str(raw.get("registered_name") or raw.get("class_name") or "")
        return StoredFunction(name=name, module=str(raw.get("module") or ""))
    if isinstance(raw, list | tuple) and raw and isinstance(raw[0], str):
        defaults, closure = (*raw[1:3], None, None)[:2]
        return _code(raw[0], defaults, closure)
    if isinstance(raw, str) and kind != "function":
        return _code(raw, None, None)
    return StoredFunction(name=raw if isinstance(raw, str) else "", module=module)


def _code(code: Any, defaults: Any, closure: Any) -> StoredFunction:
    return StoredFunction(str(code), tuple(plain(defaults or ())), tuple(plain(closure or ())))


def plain(value: Any) -> Any:
    """A constant that a file stores, in any of the forms of tuples and arrays that Kerases write."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") in ("__tuple__", "__slice__", "__numpy__", "__tensor__"):
        content = value.get("items", value.get("config"))
        content = content.get("value", content) if isinstance(content, Mapping) else content
        return tuple(plain(content)) if value["class_name"] == "__tuple__" else plain(content)
    if set(value) == {"type", "value"}:  # an array of Keras 2
        return plain(value["value"])
    return {str(key): plain(item) for key, item in value.items()}


def written(model: ModelDef, texts: Mapping[str, str], mean: bool, command: str) -> ModelDef:
    """The model with functions that the user has written in place of those of some layers.

    Args:
        model: The model.
        texts: The functions by the full names of layers: Lambdas, or layers of classes that are not known.
        mean: Whether Lambdas take random numbers as the mean of their distribution.
        command: What the user types to convert the model.

    Raises:
        OptionError: The model has no such layer, or kerasport knows what it is.
    """
    replaceable = {key for key, layer in below(model, "") if _is_open(layer)}
    for name in texts:
        if name not in replaceable:
            near = difflib.get_close_matches(name, replaceable, n=3, cutoff=0.5) or sorted(replaceable)[:5]
            hint = f"There is {', '.join(near)}." if near else "The model has none at all."
            raise OptionError(f"The model has no Lambda layer {name!r} whose function could be given.", hint)
    if not texts and not any(layer.class_name == "Lambda" for _, layer in below(model, "")):
        return model
    return each(model, "", lambda key, layer: _rewritten(layer, texts.get(key), mean, command))


def _is_open(layer: LayerDef) -> bool:
    """Whether nothing but a function of the user's, or in the file, says what a layer does."""
    known = layer.class_name in LAYERS or layer.class_name in ("InputLayer", "TimeDistributed")
    return layer.class_name == "Lambda" or not (known or layer.operation or layer.model)


def _rewritten(layer: LayerDef, text: str | None, mean: bool, command: str) -> LayerDef:
    if text is None and layer.class_name != "Lambda":
        return layer
    surroundings = replace(layer.config.get("surroundings", Surroundings()), mean=mean, command=command)
    config = {"arguments": {}, **layer.config, "surroundings": surroundings}
    if text is None:
        return replace(layer, config=config)
    config["function"] = StoredFunction(written=text)
    return replace(layer, class_name="Lambda", config=config, operation=True, inner={})


def placed(model: ModelDef) -> ModelDef:
    """The model, with Lambdas that know the order of axes that its layers have, which is Keras's setting."""
    formats = {
        str(layer.config["data_format"])
        for _, layer in below(model, "")
        if isinstance(layer.config.get("data_format"), str) and not layer.operation
    }
    found = min(formats, default="channels_last") if len(formats) < 2 else ""
    return model if found == "channels_last" else each(model, "", lambda _, layer: _with_format(layer, found))


def _with_format(layer: LayerDef, found: str) -> LayerDef:
    if layer.class_name != "Lambda":
        return layer
    surroundings = replace(layer.config["surroundings"], data_format=found)
    return replace(layer, config={**layer.config, "surroundings": surroundings})
