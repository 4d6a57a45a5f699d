"""Binds the file's weights to the roles of layers: by exact name if the file has names, else in Keras's order.

Keras itself loads a layer's weights by position: all trainable ones, then all non-trainable ones. A nested
model is one group in the file, in which that order runs over all its layers; there the layers' own
``trainable`` flags decide the order, so names come first and the order is the fallback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kerasport.dialect import cudnn
from kerasport.dialect.storage import PLAIN, Storage, as_float
from kerasport.errors import DamagedFileError
from kerasport.layers.base import Shape
from kerasport.reader.weights import Weight

_LOST_ZEROS = (
    "Keras 3.14 and 3.15 leave the zero points of GPTQ and AWQ kernels out of archives, which nobody can read then:"
    " save the model as .h5, or before it is quantised."
)
Named = Sequence[tuple[str, Weight]]


@dataclass(frozen=True)
class Leaf:
    """A layer with weights of its own.

    Attributes:
        key: Its full name.
        name: Its own name, as it stands in weight names.
        roles: Its roles and shapes, in the order in which Keras lists them.
        non_trainable: Those roles, by their last component, that come after all trainable ones.
        trainable: Whether the layer (and every model around it) is trainable.
        storage: How the file has its weights.
        plugin: The file and line of the plugin that names its roles, "" for layers that kerasport knows.
        quantised: Whether whole numbers in the file stand for others.
    """

    key: str
    name: str
    roles: Mapping[str, Shape]
    non_trainable: frozenset[str]
    trainable: bool
    storage: Storage = PLAIN
    plugin: str = ""
    quantised: bool = False

    @property
    def stored(self) -> list[str]:
        """What its arrays in the file are called: its roles, or what these are made from."""
        return self.storage.stored(self.roles)


def bind(layer: str, saved: Named, leaves: Sequence[Leaf], group: str = "") -> dict[str, dict[str, Weight]]:
    """The weights of all leaves of one top-level layer, by key and role.

    Args:
        layer: The top-level layer's name, for messages.
        saved: Its weights in the file's order.
        leaves: Its layers with weights, in the model's order.
        group: What the file calls the layer, where that is something else.

    Raises:
        DamagedFileError: Weights are missing, left over, or of another shape than the config implies.
    """
    expected = sum(len(leaf.stored) for leaf in leaves)
    if expected != len(saved):
        raise DamagedFileError(
            f"The layer {layer!r} needs {expected} weights"
            f" ({', '.join(name for leaf in leaves for name in leaf.stored)}) and the file has {len(saved)}"
            f" ({', '.join(name for name, _ in saved)}){_under(layer, group)}.",
            _LOST_ZEROS if any("kernel_zero" in leaf.stored for leaf in leaves) else _of_plugins(leaves),
        )
    bound = (_by_layer_name(saved, leaves) or _by_bare_name(saved, leaves)) if len(leaves) > 1 else None
    bound = bound or _by_order(saved, leaves)
    bound = {leaf.key: leaf.storage.weights(bound[leaf.key], leaf.roles) for leaf in leaves}
    bound = {leaf.key: cudnn.converted(leaf.roles, bound[leaf.key]) for leaf in leaves}
    for leaf in leaves:
        _check_shapes(leaf, bound[leaf.key], _under(layer, group))
    return {leaf.key: bound[leaf.key] if leaf.quantised else _as_floats(leaf, bound[leaf.key]) for leaf in leaves}


def _as_floats(leaf: Leaf, weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """The weights in floating point, to which Keras casts what it reads."""
    for role, weight in weights.items():
        if weight.dtype.kind not in "fVbiu":
            raise DamagedFileError(f"The {role} of layer {leaf.key!r} is {weight.dtype} in the file, not real numbers.")
    return {role: as_float(weight) for role, weight in weights.items()}


def _of_plugins(leaves: Sequence[Leaf]) -> str:
    plugins = dict.fromkeys(leaf.plugin for leaf in leaves if leaf.plugin)
    return f"What it needs is what a plugin asks for: {' and '.join(plugins)}." if plugins else ""


def _under(layer: str, group: str) -> str:
    return f" under {group!r}" if group not in ("", layer) else ""


def _by_layer_name(saved: Named, leaves: Sequence[Leaf]) -> dict[str, dict[str, Weight]] | None:
    """The binding when each leaf's name, as a whole component, marks exactly its own weights."""
    by_name: dict[str, list[tuple[str, Weight]]] = {leaf.name: [] for leaf in leaves}
    if len(by_name) != len(leaves):
        return None
    for name, weight in saved:
        owner = next((part for part in reversed(name.split("/")[:-1]) if part in by_name), None)
        if owner is None:
            return None
        by_name[owner].append((name, weight))
    if any(len(by_name[leaf.name]) != len(leaf.stored) for leaf in leaves):
        return None
    return {leaf.key: _by_role(by_name[leaf.name], leaf.stored) for leaf in leaves}


def _by_bare_name(saved: Named, leaves: Sequence[Leaf]) -> dict[str, dict[str, Weight]] | None:
    """The binding when no role occurs twice and the names are the roles, as Keras 3.0 writes them."""
    named = dict(saved)
    roles = [role for leaf in leaves for role in leaf.stored]
    if len(named) != len(saved) or sorted(named) != sorted(roles):
        return None
    return {leaf.key: {role: named[role] for role in leaf.stored} for leaf in leaves}


def _by_order(saved: Named, leaves: Sequence[Leaf]) -> dict[str, dict[str, Weight]]:
    if len(leaves) == 1:
        return {leaves[0].key: _by_role(saved, leaves[0].stored)}
    bound: dict[str, dict[str, Weight]] = {leaf.key: {} for leaf in leaves}
    for (key, role), (_, weight) in zip(_keras_order(leaves), saved, strict=True):
        bound[key][role] = weight
    return bound


def _keras_order(leaves: Sequence[Leaf]) -> Iterator[tuple[str, str]]:
    """All trainable weights layer by layer, then all others layer by layer."""
    for second in (False, True):
        for leaf in leaves:
            for role in leaf.stored:
                last = {role, role.rpartition("/")[2]} & (leaf.non_trainable | leaf.storage.non_trainable)
                later = not leaf.trainable or bool(last)
                if later == second:
                    yield leaf.key, role


def _by_role(saved: Named, roles: list[str]) -> dict[str, Weight]:
    """Within one layer: by the last components of the names when these are just the roles, else in order."""
    for count in (1, 2):
        named = {_last(name, count): weight for name, weight in saved}
        if set(named) == set(roles):
            return {role: named[role] for role in roles}
    return {role: weight for role, (_, weight) in zip(roles, saved, strict=True)}


def _last(name: str, count: int) -> str:
    """``dense_1/kernel:0`` and ``dense_1/kernel_1:0`` give ``kernel``; more components for a larger count.

    What Dense calls ``kernel_zero``, EinsumDense calls ``zero_point``.
    """
    last = re.sub(r"(_\d+)?(:\d+)?$", "", "/".join(name.split("/")[-count:]))
    return re.sub(r"\bzero_point$", "kernel_zero", last)


def _check_shapes(leaf: Leaf, weights: Mapping[str, Weight], where: str) -> None:
    for role, shape in leaf.roles.items():
        found = weights[role].shape
        fits = len(found) == len(shape) and all(want in (None, have) for want, have in zip(shape, found, strict=True))
        if not fits:
            raise DamagedFileError(
                f"The {role} of layer {leaf.key!r} has the shape {found} in the file{where}"
                f" but its config implies {shape}.",
                _of_plugins([leaf]) or cudnn.hint(leaf.roles, role, found),
            )
