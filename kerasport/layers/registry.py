"""Explicit registries: a name or a spec class is registered once, or it is an error."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    """Maps canonical Keras class names to specs."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def register(self, *names: str, ignored: str = "", limits: str = "", opset: int = 13) -> Callable[[S], S]:
        """A class decorator; several names may share one spec. ``ignored`` is a space-separated list, or EVERYTHING."""

        def add(spec: S) -> S:
            for name in names:
                if name in self._entries:
                    raise ValueError(f"layer {name!r} is registered twice")
                family = spec.__module__.rpartition(".")[2]
                self._entries[name] = Entry(name, spec, family, frozenset(ignored.split()), limits, opset)
            return spec

        return add

    def get(self, name: str) -> Entry | None:
        """The entry of a canonical class name, or None."""
        return self._entries.get(name)

    def nearest(self, name: str) -> str | None:
        """The most similar supported name, for error messages."""
        return next(iter(difflib.get_close_matches(name, self._entries, n=1, cutoff=0.8)), None)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())


class BackendRegistry(Generic[F]):
    """Maps spec classes to one back end's functions; a class without one has its base's."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._functions: dict[type[Spec], F] = {}

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
        return next(self._functions[cls] for cls in spec.__mro__ if cls in self._functions)

    def __contains__(self, spec: type[Spec]) -> bool:
        return any(cls in self._functions for cls in spec.__mro__)

    def __iter__(self) -> Iterator[type[Spec]]:
        return iter(self._functions)


LAYERS = LayerRegistry()
