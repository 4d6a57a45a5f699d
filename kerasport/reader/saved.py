"""What every reader gives: a model file, opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kerasport.errors import NotAModelError
from kerasport.reader.weights import Weight

if TYPE_CHECKING:
    from kerasport.reader.tree import WeightTree

NamedWeights = Sequence[tuple[str, Weight]]


@dataclass(frozen=True)
class Origin:
    """Who wrote something, as far as the file says.

    Attributes:
        keras_version: The version, "" where the file does not say.
        backend: The backend's name, "" where the file does not say.
    """

    keras_version: str = ""
    backend: str = ""

    @classmethod
    def told(cls, value: Any, outer: Origin | None = None) -> Origin:
        """What a JSON object says, or else what is around it; what is no text says nothing."""
        outer = outer or cls()
        found = value if isinstance(value, dict) else {}
        version, backend = found.get("keras_version"), found.get("backend")
        return cls(
            version if version and isinstance(version, str) else outer.keras_version,
            backend if backend and isinstance(backend, str) else outer.backend,
        )


@dataclass(frozen=True, eq=False)
class StoredWeights:
    """The weights of a model, still in their file.

    Attributes:
        origin: Who wrote them.
        groups: For each top-level layer, its weight names and lazy weights in file order; empty beside a tree.
        tree: The weights as Keras 3 stores them, by object path; None where they stand in groups.
        text: The text that an archive keeps beside them under a name; None where there is none of that name.
        layerwise: Whether a nested model's weights are in its layers' order, and not all trainable ones first.
    """

    origin: Origin
    groups: Mapping[str, NamedWeights] = field(default_factory=dict)
    tree: WeightTree | None = None
    text: Callable[[str], str | None] = field(default=lambda name: None, repr=False)
    layerwise: bool = False

    def listing(self) -> Iterator[tuple[str, tuple[tuple[int, ...], ...]]]:
        """Each layer's name, or place in the tree, with the shapes of its weights; only those that have any."""
        if self.tree is not None:
            yield from self.tree.listing()
            return
        for name, weights in self.groups.items():
            if weights:
                yield name, tuple(weight.shape for _, weight in weights)


@dataclass(eq=False)
class Contents:
    """What one file, or one set of files that belong together, holds.

    Attributes:
        path: The file that was asked for.
        files: All files that were read.
        origin: Who wrote the architecture, or the weights where there is none.
        config: The model's configuration as Keras wrote it; None where there is none.
        weights: The weights; None where there are none.
        on_close: Closes the files.
        check: Compares the weights' bytes with the checksum that the file has of them, if it has one.
        elsewhere: Where the weights of an architecture are, in a form that kerasport does not read, and the way on.
    """

    path: Path
    files: tuple[Path, ...]
    origin: Origin
    config: Mapping[str, Any] | None = None
    weights: StoredWeights | None = None
    on_close: Callable[[], None] = field(default=lambda: None, repr=False)
    check: Callable[[], None] = field(default=lambda: None, repr=False)
    elsewhere: tuple[str, str] | None = None


@dataclass(eq=False)
class SavedModel:
    """An open model, from one file or from two; use it as a context manager, or call ``close``.

    Attributes:
        path: The file of the architecture, which in most forms holds the weights too.
        config: The model's configuration as Keras wrote it.
        keras_version: The version of the config's writer, "" where the file does not say.
        backend: The backend that the model computes with, "" where no file says; ``load`` then works it out.
        stored: The weights; none where they are missing.
        files: The files that were read, by what they gave: "source", and "weights" where these have files of their own.
        check: Compares the weights' bytes with the checksum that the file has of them, if it has one, and raises a
            DamagedFileError where they have changed. To be called when weights are read: it reads them all, once.
        lacks_weights: Why there are no weights, for an architecture alone; None where there are.
    """

    path: Path
    config: Mapping[str, Any]
    keras_version: str
    backend: str
    stored: StoredWeights
    files: Mapping[str, tuple[Path, ...]]
    on_close: Callable[[], None] = field(default=lambda: None, repr=False)
    check: Callable[[], None] = field(default=lambda: None, repr=False)
    lacks_weights: NotAModelError | None = None

    @property
    def weights(self) -> Mapping[str, NamedWeights]:
        """For each top-level layer, its weight names and lazy weights in file order; empty beside a tree."""
        return self.stored.groups

    @property
    def tree(self) -> WeightTree | None:
        """The weights as Keras 3 stores them, by object path; None for other files."""
        return self.stored.tree

    @property
    def weights_path(self) -> Path:
        """The file that was asked for the weights."""
        return self.files["weights"][0] if "weights" in self.files else self.path

    def close(self) -> None:
        """Closes the files; the weights cannot be read any more."""
        self.on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
