"""The paths of each layer's weights in the object tree of an archive.

Keras names a layer's place after its class in snake case, with a number for the second and later ones of a
class in the order of ``model.layers``; from 3.4 on it also notes the layer's name there, which then decides. What an
attribute of the model holds, too, a layer or a part of one, may stand under the attribute's name instead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from kerasport.dialect.model import LayerDef, ModelDef

if TYPE_CHECKING:
    from kerasport.reader.tree import WeightTree

# A wrapped layer stands in both directions of a Bidirectional, unless the second has one of its own.
_INNER_PARTS = {"layer": ("forward_layer", "backward_layer")}
_OLD_LAYERS = "_layer_checkpoint_dependencies"


# Gives, for the full name of a composed layer, the layers that it holds by their attributes.
Parts = Callable[[str], Mapping[str, LayerDef]]


def _no_parts(key: str) -> Mapping[str, LayerDef]:
    return {}


def places(model: ModelDef, tree: WeightTree, parts: Parts = _no_parts) -> Iterator[tuple[str, str]]:
    """The (full name of a layer, its path in the tree) for all layers of a model."""
    return _model(model, tree, "", "", parts)


def _model(model: ModelDef, tree: WeightTree, path: str, prefix: str, parts: Parts) -> Iterator[tuple[str, str]]:
    children = set(tree.children(path))
    folder = f"{path}/layers" if "layers" in children else f"{path}/{_OLD_LAYERS}"
    names = {child: name for child in tree.children(folder) if (name := tree.name(f"{folder}/{child}"))}
    named = {name: child for child, name in names.items()}
    # Those of another model, built alike; or twins of a Pipeline.
    if not set(named) <= {layer.name for layer in model.layers} or len(named) < len(names):
        named = {}
    counts: Counter[str] = Counter()
    for layer in model.layers:
        if layer.operation or layer.activation_of:
            continue
        snake = snake_case(layer.saved_class)
        index = counts[snake]
        counts[snake] += 1
        numbers = _numbers(tree, folder, snake) if folder.endswith(_OLD_LAYERS) else []
        number = numbers[index] if index < len(numbers) else index
        place = named.get(layer.name) or (f"{snake}_{number}" if number else snake)
        name = layer.name if place not in tree.children(folder) and layer.name in children else ""
        where = f"{path}/{name}" if name else f"{folder}/{place}"
        yield from _layer(layer, tree, where, prefix + layer.name, parts, path)


def _numbers(tree: WeightTree, folder: str, snake: str) -> list[int]:
    """The numbers that a class's layers have in Keras 2.12 to 2.14, in their order.

    A layer with weights, or a table, counts twice there: as ``layer-N`` and as ``layer_with_weights-M``.
    """
    found = (re.fullmatch(rf"{re.escape(snake)}(?:_(\d+))?", child) for child in tree.children(folder))
    return sorted(int(match[1] or 0) for match in found if match)


def _layer(
    layer: LayerDef, tree: WeightTree, path: str, key: str, parts: Parts, home: str
) -> Iterator[tuple[str, str]]:
    if layer.model is not None:
        yield from _model(layer.model, tree, path, f"{key}/", parts)
        return
    inner = layer.inner.get("layer")
    if layer.class_name == "TimeDistributed" and inner is not None:
        yield from _layer(inner, tree, f"{path}/layer", f"{key}/{inner.name}", parts, home)
        return
    if layer.class_name.rpartition(">")[2] == "SpectralNormalization":  # what is its own matters in training only
        yield key, f"{path}/layer"
        return
    yield key, path
    yield f"{key}/activation", f"{path}/activation"
    for attribute, part in parts(key).items():
        yield from _layer(part, tree, _part(part, attribute, tree, path, home), f"{key}/{attribute}", parts, home)


def _part(part: LayerDef, attribute: str, tree: WeightTree, path: str, home: str) -> str:
    """Where a part of the layer at a path is: the first of its places that is there; its own where none is."""
    if part.is_base:
        return path
    places = [f"{path}/{attribute}", *(f"{path}/{place}" for place in part.places), f"{home}/{attribute}"]
    there = (place for place in places if place.rpartition("/")[2] in tree.children(place.rpartition("/")[0]))
    return next(there, places[0])


def cells(layer: LayerDef, place: str = "") -> dict[str, list[str]]:
    """The names of stacked cells in an archive, as they are stacked, by the stack's place below the layer's."""
    stacks: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    for key, inner in layer.inner.items():
        if key.startswith("cells/"):
            snake = snake_case(inner.saved_class)
            name = f"{snake}_{counts[snake]}" if counts[snake] else snake
            counts[snake] += 1
            stacks.setdefault(place, []).append(name)
            stacks |= cells(inner, f"{place}cells/{name}/")
        else:
            for part in _INNER_PARTS.get(key, (key,)):
                if part == key or part not in layer.inner:
                    stacks |= cells(inner, f"{place}{part}/")
    return stacks


def snake_case(name: str) -> str:
    """Keras's own rule: ``PReLU`` gives ``p_re_lu``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
