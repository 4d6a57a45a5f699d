"""What every reader gives: a model file, opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kerasport.reader.weights import Weight

if TYPE_CHECKING:
    from kerasport.reader.tree import WeightTree

NamedWeights = Sequence[tuple[str, Weight]]


@dataclass(eq=False)
class SavedModel:
    """An open model file; use it as a context manager, or call ``close``.

    Attributes:
        path: The file.
        config: The model's configuration as Keras wrote it.
        keras_version: The writer's version, "" where the file does not say.
        backend: The writer's backend, "" where the file does not say; ``load`` then works it out for Keras 1.
        weights: For each top-level layer with weights, its weight names and lazy weights in file order.
        tree: The weights as Keras 3 stores them in archives, by object path; None for other files.
        text: The text of another member of an archive, None where there is none of that name.
    """

    path: Path
    config: Mapping[str, Any]
    keras_version: str
    backend: str
    weights: Mapping[str, NamedWeights]
    tree: WeightTree | None = None
    text: Callable[[str], str | None] = field(default=lambda name: None, repr=False)
    on_close: Callable[[], None] = field(default=lambda: None, repr=False)

    def close(self) -> None:
        """Closes the file; its weights cannot be read any more."""
        self.on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
