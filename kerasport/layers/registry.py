"""Explicit registries: registering a name or a spec class twice is an error."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Generic, TypeVar

from kerasport.layers.base import Spec

S = TypeVar("S", bound=type[Spec])
EVERYTHING = "*"
F = TypeVar("F")


@dataclass(frozen=True)
class Entry:
    """One supported Keras class.

    Attributes:
        name: The canonical Keras class name.
        spec: The spec class that it becomes.
        family: The module that holds it.
        ignored: Config keys that matter only in training, beyond those common to all layers; EVERYTHING for all.
        limits: What of its options is not supported, for the documentation.
        opset: The oldest ONNX opset in which it can be written.
    """

    name: str
    spec: type[Spec]
    family: str
    ignored: frozenset[str]
    limits: str = ""
    opset: int = 13


class LayerRegistry:
    """Maps canonical Keras class names to specs.

    Args:
        families: The names, divided by commas, that each module of specs registers when it is imported.
    """

    def __init__(self, families: Mapping[str, str]) -> None:
        self._families = {name: family for family, names in families.items() for name in names.split(", ")}
        self._entries: dict[str, Entry] = {}

    def register(self, *names: str, ignored: str = "", limits: str = "", opset: int = 13) -> Callable[[S], S]:
        """A class decorator; several names may share one spec. ``ignored`` is a space-separated list, or EVERYTHING."""

        def add(spec: S) -> S:
            family = spec.__module__.rpartition(".")[2]
            for name in names:
                if name in self._entries:
                    raise ValueError(f"layer {name!r} is registered twice")
                if self._families.get(name) != family:
                    raise ValueError(f"layer {name!r} is missing in the list of the family {family!r}")
                self._entries[name] = Entry(name, spec, family, frozenset(ignored.split()), limits, opset)
            return spec

        return add

    def get(self, name: str) -> Entry | None:
        """The entry of a canonical class name, or None."""
        if name not in self._entries and name in self._families:
            import_module(f"{__package__}.{self._families[name]}")
        return self._entries.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self._families

    def nearest(self, name: str) -> str | None:
        """The most similar supported name, for error messages."""
        return next(iter(difflib.get_close_matches(name, self._families, n=1, cutoff=0.8)), None)

    def __iter__(self) -> Iterator[Entry]:
        return (entry for name in self._families if (entry := self.get(name)))


class BackendRegistry(Generic[F]):
    """Maps spec classes to one back end's functions; a class without one has its base's.

    The functions of a family are in the back end's module of the same name, which is imported when one is needed.

    Args:
        what: What the functions are, for messages.
        package: The back end.
    """

    def __init__(self, what: str, package: str) -> None:
        self._what = what
        self._package = package
        self._functions: dict[type[Spec], F] = {}
        self._imported: set[str] = set()

    def register(self, *specs: type[Spec]) -> Callable[[F], F]:
        """A function decorator for one or several spec classes."""

        def add(function: F) -> F:
            for spec in specs:
                if spec in self._functions:
                    raise ValueError(f"{self._what} of {spec.__name__} is registered twice")
                self._functions[spec] = function
            return function

        return add

    def __getitem__(self, spec: type[Spec]) -> F:
        return next(self._functions[cls] for cls in spec.__mro__ if self._has(cls))

    def __contains__(self, spec: type[Spec]) -> bool:
        return any(self._has(cls) for cls in spec.__mro__)

    def __iter__(self) -> Iterator[type[Spec]]:
        for module in iter_modules(import_module(self._package).__path__):
            import_module(f"{self._package}.{module.name}")
        return iter(self._functions)

    def _has(self, cls: type) -> bool:
        package, _, family = cls.__module__.rpartition(".")
        if cls not in self._functions and package == __package__ and family not in self._imported:
            self._imported.add(family)
            if find_spec(f"{self._package}.{family}") is not None:
                import_module(f"{self._package}.{family}")
        return cls in self._functions
