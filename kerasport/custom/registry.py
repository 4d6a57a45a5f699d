"""Which classes and functions that are not Keras's are known, and who says what they compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerasport.errors import PluginError
from kerasport.layers import LAYERS
from kerasport.layers.registry import Entry

ENTRY_POINTS = "kerasport.layers"


@dataclass(frozen=True)
class Origin:
    """Where something is defined.

    Attributes:
        file: The file's full name.
        line: The line.
    """

    file: str
    line: int

    @property
    def is_kerasports(self) -> bool:
        """Whether it is a part of kerasport."""
        return Path(self.file).is_relative_to(Path(__file__).parent.parent)

    def __str__(self) -> str:
        return f"{Path(self.file).name}, line {self.line}"


@dataclass(frozen=True)
class Composed:
    """A layer, or an activation function, that is composed of layers and operations.

    Attributes:
        name: The class's or function's name in files, where it must be told apart with its package: ``Addons>Maxout``.
        function: Makes the outputs from a ``CustomLayer`` and tensors.
        origin: Where the function is defined.
        ignored: Config keys that matter only in training.
        mask: What becomes of the mask: "carried", "dropped", "own" for that of the result; "" where nobody says.
        activation: Whether it is an activation function.
    """

    name: str
    function: Callable[..., Any]
    origin: Origin
    ignored: frozenset[str] = frozenset()
    mask: str = ""
    activation: bool = False


@dataclass(frozen=True)
class Custom:
    """A layer with a spec of its own.

    Attributes:
        entry: Its entry, as Keras's layers have one.
        origin: Where the spec is defined.
    """

    entry: Entry
    origin: Origin


@dataclass(frozen=True)
class CustomModelClass:
    """A class of models that build their graph from their config.

    Attributes:
        name: As for ``Composed``.
        function: Builds it in a ``CustomModel``, and gives its outputs.
        origin: Where the function is defined.
        ignored: Config keys that matter only in training.
    """

    name: str
    function: Callable[..., Any]
    origin: Origin
    ignored: frozenset[str] = frozenset()


Found = Composed | Custom | CustomModelClass
Known = dict[str, Found]


@dataclass
class CustomRegistry:
    """Maps names of classes and functions to what they compute; a name twice is an error.

    A plugin that was given stands before Keras's own layers; behind these come installed packages, and last what
    kerasport itself knows of others' layers.
    """

    _given: Known = field(default_factory=dict)
    _installed: Known = field(default_factory=dict)
    _ecosystem: Known = field(default_factory=dict)
    _searching: bool = False
    _searched: bool = False

    def add(self, name: str, found: Found) -> None:
        """Registers a name.

        Raises:
            PluginError: The name is registered already.
        """
        packages = self._installed if self._searching else self._given
        known = self._ecosystem if found.origin.is_kerasports else packages
        if name in known:
            raise PluginError(
                f"{found.origin}: {name!r} is registered twice; first in {known[name].origin}.",
                "Give only one of the two plugins, or remove one of the two definitions.",
            )
        known[name] = found

    def forget(self, file: str) -> None:
        """Removes what a file that was given has registered."""
        self._given = {name: found for name, found in self._given.items() if found.origin.file != file}

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What is registered within is forgotten afterwards."""
        given = dict(self._given)
        try:
            yield
        finally:
            self._given = given

    def find(self, name: str) -> Found | None:
        """What a class or function is, where it is not Keras's.

        Args:
            name: As it stands in files, with or without its package.
        """
        return self._from(self._given, name) or (None if name in LAYERS else self._unknown(name))

    def composed(self, name: str) -> Composed | None:
        """What a class is composed of; None where it is something else, or unknown."""
        found = self.find(name)
        return found if isinstance(found, Composed) else None

    def activation(self, name: str) -> Composed | None:
        """What an activation function is composed of."""
        found = self._from(self._given, name) or self._unknown(name)
        return found if isinstance(found, Composed) and found.activation else None

    def source(self, name: str) -> str:
        """Who said what a class is: a plugin's file and line, or a package that is known; "" for Keras's own."""
        from kerasport.ecosystem import package

        found = self._from(self._given, name) or (None if name in LAYERS else self._found(name))
        return "" if found is None else package(name) if found.origin.is_kerasports else str(found.origin)

    def assumed(self, name: str) -> str:
        """The package that a class is taken to be from by its name and config; "" where a file or plugin tells."""
        from kerasport.ecosystem import told

        return "" if told(name) or self.replaces(name) else self.source(name)

    def replaces(self, name: str) -> bool:
        """Whether a plugin was given for a class, whatever Keras has under that name."""
        return self._from(self._given, name) is not None

    def _unknown(self, name: str) -> Found | None:
        from kerasport.custom.files import load_installed
        from kerasport.ecosystem import load

        if not self._searched:
            self._searched = self._searching = True
            try:
                load_installed()
            finally:
                self._searching = False
        load(name)
        return self._found(name)

    def _found(self, name: str) -> Found | None:
        return self._from(self._installed, name) or self._ecosystem.get(name.removeprefix("Custom>"))

    @staticmethod
    def _from(known: Known, name: str) -> Found | None:
        return known.get(name) or known.get(name.rpartition(">")[2])


CUSTOM = CustomRegistry()
