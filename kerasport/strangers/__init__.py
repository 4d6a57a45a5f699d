"""Layers of well-known packages beside Keras, written as plugins are; a module is imported when a file needs it."""

from __future__ import annotations

from importlib import import_module

# The names in files that each module registers.
MODULES = {
    "addons": (
        "Addons>FilterResponseNormalization, Addons>GELU, Addons>GroupNormalization, Addons>InstanceNormalization, "
        "Addons>Maxout, Addons>MultiHeadAttention, Addons>NoisyDense, Addons>PoincareNormalize, "
        "Addons>PolynomialCrossing, Addons>Snake, Addons>Sparsemax, Addons>SpectralNormalization, "
        "Addons>StochasticDepth, Addons>TLU, Addons>lisht, Addons>rrelu, Addons>snake, Addons>sparsemax"
    ),
}
# Whose layers they are.
TITLES = {"addons": "tensorflow-addons"}
# What the dialect makes one of Keras's layers or functions of.
RESOLVED = {
    "addons": (
        "Addons>WeightNormalization, Addons>gelu, Addons>hardshrink, Addons>mish, Addons>softshrink, Addons>tanhshrink"
    ),
}
_HOMES = {name: module for module, names in MODULES.items() for name in names.split(", ")}


def load(name: str) -> None:
    """Imports the module that registers a name, if there is one."""
    module = _HOMES.get(name.removeprefix("Custom>"))
    if module is not None:
        import_module(f"{__package__}.{module}")


def packages() -> dict[str, list[str]]:
    """The names that are known, by the package that they are from."""
    listed = {module: [*names.split(", "), *RESOLVED.get(module, "").split(", ")] for module, names in MODULES.items()}
    return {TITLES[module]: sorted(filter(None, names), key=str.lower) for module, names in listed.items()}
