"""All exceptions that kerasport raises deliberately.

    KerasportError                  exit code
    ├── OptionError                 2   an option that contradicts the model or another option
    ├── FileError                   3   a file that cannot be read as a model
    │   ├── NotAModelError              some other kind of file; the message says which
    │   │   └── WeightsOnlyError        weights without an architecture; it lists them
    │   ├── DamagedFileError            truncated, inconsistent, or not what its config implies
    │   └── MissingExtraError           a form or an engine that needs a package which is not installed
    ├── UnsupportedModelError       4   layers or options that cannot be translated; all of them listed
    ├── MismatchError               5   ONNX Runtime and the reference disagree
    ├── InputError                  6   arrays that do not fit the model's inputs
    └── PluginError                 8   a plugin that cannot be loaded, or fails

Each message is one sentence for the user; ``hint`` is the way on. Library code never prints and never exits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasport.validation.result import Validation


class KerasportError(Exception):
    """The base of all errors that are the user's to see.

    Attributes:
        message: One sentence: what is wrong, and with which layer or file.
        hint: What the user can do about it, or "".
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        return self.__class__.__new__, (self.__class__,), self.__dict__


class OptionError(KerasportError):
    """An option that contradicts the model or another option."""

    exit_code = 2


class FileError(KerasportError):
    """A file that cannot be read as a Keras model."""

    exit_code = 3


class NotAModelError(FileError):
    """The file is of another kind."""


class WeightsOnlyError(NotAModelError):
    """The file holds weights without their model.

    Attributes:
        layers: The layers, or places in the file, that have weights, with the shapes of these.
    """

    def __init__(self, message: str, hint: str, layers: Sequence[tuple[str, Sequence[tuple[int, ...]]]]) -> None:
        super().__init__(message, hint)
        self.layers = tuple(layers)


class DamagedFileError(FileError):
    """The file is truncated or contradicts itself."""


class MissingExtraError(FileError):
    """The file's form, or the engine, needs a package that comes with an extra of kerasport."""

    def __init__(self, message: str, extra: str) -> None:
        super().__init__(message, f"Install it: pip install 'kerasport[{extra}]'.")


@dataclass(frozen=True)
class Problem:
    """One reason why a model cannot be converted.

    Attributes:
        layer: The layer's name, with the names of the models around it.
        what: What exactly is not supported.
        hint: What the user can do.
    """

    layer: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.layer}: {self.what}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True)
class Reason:
    """A reason that one or several layers share.

    Attributes:
        layers: Their names.
        what: As for ``Problem``.
        hint: As for ``Problem``.
    """

    layers: tuple[str, ...]
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return str(Problem(", ".join(self.layers), self.what, self.hint))


def reasons(problems: Iterable[Problem]) -> tuple[Reason, ...]:
    """The problems for people: a reason that several layers share is told once, with the names of all of them."""
    layers: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        layers.setdefault((problem.what, problem.hint), []).append(problem.layer)
    return tuple(Reason(tuple(dict.fromkeys(names)), *reason) for reason, names in layers.items())


class UnsupportedModelError(KerasportError):
    """The model has layers or options that cannot be translated; ``problems`` lists all of them."""

    exit_code = 4

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        told = reasons(self.problems)
        count = f"{len(told)} reason" + ("s" if len(told) > 1 else "")
        lines = "".join(f"\n  - {reason}" for reason in told)
        super().__init__(f"This model cannot be converted, for {count}:{lines}")


class MismatchError(KerasportError):
    """ONNX Runtime and the reference disagree.

    Attributes:
        validation: The comparison.
    """

    exit_code = 5

    def __init__(self, message: str, hint: str = "", validation: Validation | None = None) -> None:
        super().__init__(message, hint)
        self.validation = validation


class InputError(KerasportError):
    """An input array does not fit the model."""

    exit_code = 6


class PluginError(KerasportError):
    """A plugin that cannot be loaded, or whose code fails."""

    exit_code = 8


class LayerError(Exception):
    """Raised inside one layer's code; the assembler adds the layer's name and makes it a Problem.

    Args:
        what: What is not supported.
        hint: What the user can do.
        option: The option of the command that does it.
    """

    def __init__(self, what: str, hint: str = "", option: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.option = option


class UnknownError(LayerError):
    """A class, or an activation function, that nobody knows and for which a plugin can be written.

    Attributes:
        name: Its name in the file.
        activation: Whether it is an activation function.
    """

    def __init__(self, what: str, hint: str = "", *, name: str, activation: bool = False) -> None:
        super().__init__(what, hint)
        self.name = name
        self.activation = activation
