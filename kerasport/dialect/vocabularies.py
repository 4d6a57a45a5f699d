"""Vocabularies found by adapt(), which an archive stores beside the config, one token per line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kerasport.dialect.model import LayerDef, ModelDef
from kerasport.dialect.paths import places
from kerasport.errors import DamagedFileError

if TYPE_CHECKING:
    from kerasport.reader.tree import WeightTree

_LOOKUPS = {"StringLookup": str, "IntegerLookup": int, "TextVectorization": str}
_MEMBER = "vocabulary.txt"


def with_vocabularies(model: ModelDef, tree: WeightTree, text: Callable[[str], str | None]) -> ModelDef:
    """The model with the vocabularies of adapted lookups in their configs.

    Args:
        model: In canonical form.
        tree: The archive's weights, beside which the vocabularies stand.
        text: The text of a member of the archive; None where there is none of that name.

    Raises:
        DamagedFileError: A vocabulary is not what the config says of it.
    """
    if not any(_lacks_vocabulary(layer) for layer in _all(model)):
        return model
    return _filled(model, "", dict(places(model, tree)), text)


def _all(model: ModelDef) -> list[LayerDef]:
    return [part for layer in model.layers for part in ([layer] if layer.model is None else _all(layer.model))]


def _lacks_vocabulary(layer: LayerDef) -> bool:
    return layer.class_name in _LOOKUPS and layer.config.get("vocabulary") is None


def _filled(model: ModelDef, prefix: str, paths: Mapping[str, str], text: Callable[[str], str | None]) -> ModelDef:
    return replace(model, layers=tuple(_completed(layer, prefix, paths, text) for layer in model.layers))


def _completed(layer: LayerDef, prefix: str, paths: Mapping[str, str], text: Callable[[str], str | None]) -> LayerDef:
    key = prefix + layer.name
    if layer.model is not None:
        return replace(layer, model=_filled(layer.model, f"{key}/", paths, text))
    if not _lacks_vocabulary(layer) or key not in paths:
        return layer
    found = text(f"assets/{paths[key].strip('/')}/{_MEMBER}")
    return layer if found is None else replace(layer, config={**layer.config, "vocabulary": _tokens(layer, found)})


def _tokens(layer: LayerDef, text: str) -> list[str | int]:
    """One a line, of which the last has no end; an empty last line is the empty string."""
    lines = text.replace("\r\n", "\n").split("\n")
    try:
        tokens = [_LOOKUPS[layer.class_name](line) for line in lines]
    except ValueError as error:
        raise DamagedFileError(f"The vocabulary of layer {layer.name!r} holds values that are not numbers.") from error
    claimed = layer.config.get("vocabulary_size")
    if isinstance(claimed, int) and claimed != len(tokens):
        raise DamagedFileError(
            f"The vocabulary of layer {layer.name!r} has {len(tokens):,} tokens, but its config says {claimed:,}."
        )
    return tokens
