"""Writes a plugin skeleton for the layers of a file that kerasport does not know."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Unpack

from kerasport.assembly.records import LayerRecord
from kerasport.custom.found_weights import Held, likely_part, weights_of
from kerasport.custom.likeness import Likeness, likeness
from kerasport.ecosystem.undecided import LAYERS, Undecided
from kerasport.errors import OptionError
from kerasport.layers.config import TRAINING_ONLY
from kerasport.loading import LoadedModel, Reading, load, with_weights
from kerasport.text import shape_text

_TRAINING = ("_initializer", "_regularizer", "_constraint")
_SHOWN = 88  # characters of a file's text that a line shows at most
_TAKEN = ("layer", "ops", "unfinished")


@dataclass(frozen=True)
class Skeleton:
    """A plugin that is still to be completed.

    Attributes:
        text: Its code.
        classes: The classes of layers that it is for.
        functions: The activation functions that it is for.
    """

    text: str
    classes: tuple[str, ...]
    functions: tuple[str, ...]


def scaffold(
    path: str | Path, *, layers: Collection[str] = (), output: str | Path = "my_layers.py", **reading: Unpack[Reading]
) -> Skeleton:
    """Writes the skeleton of a plugin for all layers and activation functions of a file that are not known.

    Args:
        path: The Keras model file, or the architecture of one.
        layers: Names of further layers, known ones, to be replaced by the plugin.
        output: What the plugin's file will be called.
        **reading: How it is read, as in ``kerasport.loading.Reading``.

    Raises:
        FileError: The file cannot be read as a Keras model.
        OptionError: Every layer is known, or there is no such layer.
    """
    with load(path, **reading) as model:
        classes, functions = _wanted(model, layers)
        if not classes and not functions:
            raise OptionError(f"All layers of {path} are known.", "--layer NAME writes the skeleton for one of them.")
        blocks = [_layer(model, name, key) for name, key in classes.items()]
    blocks += [_function(name, keys) for name, keys in functions.items()]
    text = "\n\n".join([_head(path, output, with_weights(reading), bool(classes), bool(functions)), *blocks])
    return Skeleton(text, tuple(classes), tuple(functions))


def _wanted(model: LoadedModel, layers: Collection[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """A layer of each class, and all layers of each activation function, that a skeleton is wanted for."""
    records, classes, functions = model.assembly.layers, dict[str, str](), dict[str, list[str]]()
    for key, error in model.assembly.unknown.items():
        if error.activation:
            functions.setdefault(error.name, []).append(key)
        else:
            classes.setdefault(error.name.removeprefix("Custom>"), key)
    for name in layers:
        if name not in records:
            raise OptionError(f"There is no layer {name!r} in {model.saved.path}.", "kerasport inspect lists them.")
        classes.setdefault(records[name].definition.class_name, name)
    return classes, functions


def _head(path: str | Path, output: str | Path, weights: str, classes: bool, functions: bool) -> str:
    names = ["activation"] * functions + ["compose"] * classes + ["ops", "unfinished"]
    target = quote(Path(path).with_suffix(".onnx").name)
    command = f"kerasport convert {quote(str(path))} {target}{weights} --plugin {quote(str(output))}"
    return f'''"""What kerasport does not know in {_comment(Path(path).name)}, still to be completed; then:

    {_line(command)}
"""

from kerasport.plugins import {", ".join(["CustomLayer"] * classes + ["Tensor", *names])}
'''


def _function(name: str, keys: Sequence[str]) -> str:
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return f'''@activation({_string(name.removeprefix("Custom>"))})
def {_identifier(name.removeprefix("Custom>"))}(x: Tensor) -> Tensor:
    """The activation function {_comment(name)} of {_comment(", ".join(keys[:5]))}{more}."""
    raise unfinished("compute the function of x with ops, and return it")
'''


def _choice(layer: Undecided, name: str, key: str) -> str:
    """A plugin that is complete but for the choice between two forms."""
    function = layer.function.__name__
    first, second = layer.choices
    options = [_string(name.rpartition(">")[2]), *([f"ignored={_string(layer.ignored)}"] if layer.ignored else [])]
    return "\n".join(
        [
            f"# The layer {_comment(key)}. In place of the last line return the call with what is true:",
            *(f"# {choice}: {meaning}" for choice, meaning in layer.choices.items()),
            f"@compose({', '.join(options)}, mask={_string(layer.mask)})",
            f"def {function}(layer: CustomLayer, x: Tensor) -> Tensor:",
            "    from kerasport.ecosystem import undecided",
            "",
            f'    raise unfinished("return undecided.{function}(layer, x, {first}), or with {second}")',
            "",
        ]
    )


def _layer(model: LoadedModel, name: str, key: str) -> str:
    record = model.assembly.layers[key]
    if record.definition.class_name in LAYERS:
        return _choice(LAYERS[record.definition.class_name], name, key)
    config = {k: v for k, v in record.definition.config.items() if k not in TRAINING_ONLY}
    ignored = " ".join(k for k in config if k.endswith(_TRAINING) and re.fullmatch(r"\w+", k))
    tensors = [f"x{index + 1}" for index in range(len(record.given))] if len(record.given) > 1 else ["x"]
    masked = any(flow.mask is not None for flow in record.given)
    options = [_string(name), *([f"ignored={_string(ignored)}"] if ignored else []), *(['mask=""'] if masked else [])]
    held = weights_of(model, key)
    like = likeness(record, [shape for weights in held.values() for _, shape in weights], model.assembly.part)
    read = {k: v for k, v in config.items() if k not in ignored.split() and (like is None or k in like.own)}
    body = [
        *_shapes(tensors, record),
        *(_reading(k, v) for k, v in read.items()),
        *(_weights(held) if like is None else _subclass(like, name)),
    ]
    if like is None:
        body.append(f'raise unfinished("compute the output from {" and ".join(tensors)}, and return it")')
    function = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rpartition(">")[2]).lower()
    lines = [
        f"# The layer {_comment(key)}.",
        *(
            ['# Its input has a mask: is the output\'s mask "carried" over, "dropped", or the result\'s "own"?']
            * masked
        ),
        f"@compose({', '.join(options)})",
        f"def {_identifier(function)}(layer: CustomLayer, {', '.join(f'{x}: Tensor' for x in tensors)}) -> Tensor:",
        f'    """What {_comment(name)}.call computes; ops has the functions of keras.ops."""',
        *(f"    {line}" for line in body),
    ]
    return "\n".join(lines) + "\n"


def _subclass(like: Likeness, name: str) -> Iterator[str]:
    """The lines for a layer that is most probably a subclass of one of Keras's."""
    base, own = like.class_name, _line(name)
    yield f"# Its options and weights are those of {base}, of which it is most probably a subclass."
    yield f'y = layer.base("{base}")(x)'
    yield f'raise unfinished("return y, which is what {base} gives, or what {own[:_SHOWN]} makes of it")'


def _shapes(tensors: Sequence[str], record: LayerRecord) -> Iterator[str]:
    for tensor, flow in zip(tensors, record.given, strict=False):
        if flow.value is not None:
            yield f"# {tensor} is {flow.value.type.dtype} {shape_text(flow.value.type.shape)}"


def _reading(key: str, value: Any) -> str:
    """The line that reads a key of the config, with the file's value behind it."""
    name, shown = _string(key), f"  # {_comment(repr(value))}"
    if value is None:
        return f"layer.config.expect({name}, None)"
    if key in ("activation", "recurrent_activation"):
        return f"# layer.activate(x, {name}) applies {_comment(repr(value))}"
    kind = "get"
    if isinstance(value, bool | int | float):
        kind = {bool: "flag", int: "integer"}.get(type(value), "number")
    elif isinstance(value, list) and value and all(type(item) is int for item in value):
        kind = "integers"
    return f"{_identifier(key)} = layer.config.{kind}({name}){shown}"


def _weights(held: Held) -> Iterator[str]:
    """The lines that ask for a layer's weights; for those of layers within it, only guesses."""
    own = held.pop("", [])
    for place, (role, shape) in enumerate(own):
        name = f"weight_{place}" if role.isdecimal() else role
        yield f"{_identifier(name)} = layer.weight({_string(name)}, {shape})"
    if held:
        yield "# It holds layers: make them in the order of its __init__, under the attributes that hold them, like"
    for holder, weights in held.items():
        name = _string(holder) if re.fullmatch(r"\w+", holder) else '"attribute"'
        shapes = ", ".join(f"{role} {shape}" for role, shape in weights)
        yield f"# {_identifier(holder)} = layer.part({name}, {likely_part(weights)})  # {_comment(shapes)}"


def _identifier(name: str) -> str:
    found = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "value"
    found = f"_{found}" if found[0].isdecimal() else found
    return f"{found}_" if keyword.iskeyword(found) or found in _TAKEN or re.fullmatch(r"x\d*", found) else found


def _string(text: str) -> str:
    """Text of a file as a string of Python's, in plain characters."""
    return f'"{text}"' if re.fullmatch(r"[\w .:/>-]*", text, flags=re.ASCII) else ascii(text)


def _comment(text: str) -> str:
    """Text of a file within a comment or a docstring: a line of no great length."""
    return _line(text)[:_SHOWN]


def _line(text: str) -> str:
    """Text within a comment or a docstring: one line, of plain characters."""
    return ascii(text)[1:-1].replace("\\", "/").replace('"', "'")
