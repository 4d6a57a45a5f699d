"""The skeleton of a plugin for the layers of a file that kerasport does not know."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Unpack

from kerasport.assembly import LayerRecord
from kerasport.dialect.paths import places
from kerasport.errors import OptionError
from kerasport.layers.base import Shape
from kerasport.layers.config import TRAINING_ONLY
from kerasport.loading import LoadedModel, Reading, load
from kerasport.text import shape_text

_TRAINING = ("_initializer", "_regularizer", "_constraint")
_WIDTH = 118


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
        records = model.assembly.layers
        unknown = model.assembly.unknown
        for name in layers:
            if name not in records:
                raise OptionError(f"There is no layer {name!r} in {path}.", "kerasport inspect lists the layers.")
        classes = {error.name: key for key, error in reversed(unknown.items()) if not error.activation}
        classes |= {records[name].definition.class_name: name for name in layers}
        functions: dict[str, list[str]] = {}
        for key, error in unknown.items():
            if error.activation:
                functions.setdefault(error.name, []).append(key)
        if not classes and not functions:
            raise OptionError(
                f"All layers of {path} are known.", "--layer NAME writes a skeleton for one of them all the same."
            )
        blocks = [*(_layer(model, name, key) for name, key in sorted(classes.items(), key=lambda pair: pair[1]))]
        blocks += [_function(name, keys) for name, keys in functions.items()]
    return Skeleton(_text(path, output, blocks, classes, functions), tuple(classes), tuple(functions))


def _text(
    path: str | Path, output: str | Path, blocks: list[str], classes: Collection[str], functions: Collection[str]
) -> str:
    names = ["Tensor", "ops", "unfinished"]
    names += ["CustomLayer", "compose"] if classes else []
    names += ["activation"] if functions else []
    target = Path(path).with_suffix(".onnx").name
    command = _comment(
        " ".join(["kerasport convert", *map(quote, (str(path), target)), "--plugin", quote(str(output))])
    )
    head = f'''"""What kerasport does not know in {_comment(Path(path).name)}, still to be completed; then:

    {_comment(f"kerasport convert {source} {target}")} --plugin THIS_FILE
"""

from kerasport.plugins import {", ".join(sorted(names, key=lambda name: (name[0].islower(), name)))}
'''
    return "\n\n".join([head, *blocks])


def _function(name: str, keys: Sequence[str]) -> str:
    return f'''@activation({_string(name)})
def {_identifier(name)}(x: Tensor) -> Tensor:
    """The activation function {_comment(name)} of {_comment(", ".join(keys[:5]))}, of any tensor."""
    raise unfinished("compute the function of x with ops, and return it")
'''


def _layer(model: LoadedModel, name: str, key: str) -> str:
    record = model.assembly.layers[key]
    config = {k: v for k, v in record.definition.config.items() if k not in TRAINING_ONLY}
    ignored = [k for k in config if k.endswith(_TRAINING)]
    own, held = _weights(model, key)
    tensors = [f"x{index + 1}" for index in range(len(record.given))] if len(record.given) > 1 else ["x"]
    options = [_string(name)] + ([f"ignored={_string(' '.join(ignored))}"] if ignored else [])
    masked = any(flow.mask is not None for flow in record.given)
    lines = [
        *(_called_on(tensors, record)),
        *(f"{_identifier(k)} = {_reading(k, v)}" for k, v in config.items() if k not in ignored),
        *(f"{_identifier(role)} = layer.weight({_string(role)}, {shape})" for role, shape in own),
        *_parts(held),
    ]
    mask = ['# Its input has a mask: what becomes of it in Keras? "carried", "dropped", or "own".'] if masked else []
    parameters = ", ".join(f"{tensor}: Tensor" for tensor in tensors)
    function = _identifier(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rpartition(">")[2]).lower())
    body = "\n".join(f"    {line}" for line in lines)
    return "\n".join(
        [
            f"# {_comment(key)} in the file.",
            *mask,
            f"@compose({', '.join(options)}{', mask=' + _string('') if masked else ''})",
            f"def {function}(layer: CustomLayer, {parameters}) -> Tensor:",
            f'    """What {_comment(name)}.call computes, with ops as with keras.ops."""',
            *([body] if body else []),
            f'    raise unfinished("compute the output from {" and ".join(tensors)}, and return it")',
            "",
        ]
    )


def _called_on(tensors: Sequence[str], record: LayerRecord) -> Iterator[str]:
    for tensor, flow in zip(tensors, record.given, strict=False):
        if flow.value is not None:
            yield f"# {tensor} is {flow.value.type.dtype} {shape_text(flow.value.type.shape)}"


def _reading(key: str, value: Any) -> str:
    """The code that reads a key of the config, with the file's value behind it."""
    name, shown = _string(key), f"  # {_comment(repr(value))}"
    if key in ("activation", "recurrent_activation") and value is not None:
        return f"layer.config.activation({name}){shown}; layer.activate(x, {name}) applies it"
    if value is None:
        return f"layer.config.expect({name}, None)"
    if isinstance(value, bool):
        return f"layer.config.flag({name}){shown}"
    if isinstance(value, int | float):
        return f"layer.config.{'integer' if isinstance(value, int) else 'number'}({name}){shown}"
    if isinstance(value, list) and value and all(type(item) is int for item in value):
        return f"layer.config.integers({name}){shown}"
    return f"layer.config.get({name}){shown}"


def _weights(model: LoadedModel, key: str) -> tuple[list[tuple[str, Shape]], dict[str, list[tuple[str, Shape]]]]:
    """The weights of a layer itself, and those of the layers that it holds by what their names begin with."""
    own: list[tuple[str, Shape]] = []
    held: dict[str, list[tuple[str, Shape]]] = {}
    for path, shape in _stored(model, key):
        holder, _, role = path.rpartition("/")
        if holder:
            held.setdefault(holder, []).append((role, shape))
        else:
            own.append((role if not role.isdecimal() else f"weight_{role}", shape))
    return own, held


def _stored(model: LoadedModel, key: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The weights that the file has for a layer, by their paths within it, with their shapes."""
    tree = model.saved.tree
    if tree is not None:
        place = dict(places(model.definition, tree, lambda key: {})).get(key, key).strip("/")
        for path, shapes in tree.listing():
            if f"{path}/".startswith(f"{place}/"):
                inner = path.removeprefix(place).strip("/")
                yield from ((f"{inner}/{index}".strip("/"), shape) for index, shape in enumerate(shapes))
        return
    outer, _, name = key.split("@", maxsplit=1)[0].rpartition("/")
    group = outer.split("/")[0] or name
    for path, weight in model.saved.weights.get(group, ()):
        parts = re.sub(r":\d+$", "", path).split("/")
        if outer and name not in parts:
            continue
        inner_parts = parts[parts.index(name) + 1 :] if name in parts[:-1] else parts
        yield "/".join(inner_parts).removeprefix(f"{name}_"), weight.shape


def _parts(held: Mapping[str, Sequence[tuple[str, Shape]]]) -> Iterator[str]:
    if not held:
        return
    yield "# It holds layers; make them in the order of its __init__, each under the attribute that holds it:"
    yield '#   attribute = layer.part("attribute", "Dense", units=..., activation=...), and attribute(x) calls it'
    for holder, weights in held.items():
        yield f"# {_comment(holder)} has {', '.join(f'{_comment(role)} {shape}' for role, shape in weights)}"


def _identifier(name: str) -> str:
    found = re.sub(r"\W|^(?=\d)", "_", name, flags=re.ASCII).strip("_") or "value"
    return f"{found}_" if keyword.iskeyword(found) or found in ("layer", "x", "ops") else found


def _string(text: str) -> str:
    """Text of a file as a string of Python's, in plain characters."""
    return f'"{text}"' if re.fullmatch(r"[\w .:/>-]*", text, flags=re.ASCII) else ascii(text)


def _comment(text: str) -> str:
    """Text of a file within a comment or a docstring: one line, in plain characters, of no great length."""
    return ascii(text)[1:-1].replace("\\", "/").replace('"', "'")[: _WIDTH - 30]


__all__ = ["Skeleton", "scaffold"]
