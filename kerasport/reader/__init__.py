"""Opens model files by their content: raw config, writer, and lazy weights. Reads no weight values."""

from __future__ import annotations

from pathlib import Path

from kerasport.reader.saved import SavedModel
from kerasport.reader.weights import Weight

__all__ = ["SavedModel", "Weight", "open_model"]


def open_model(path: str | Path) -> SavedModel:
    """Opens a saved Keras model, by its content and not its suffix.

    Args:
        path: A whole-model HDF5 file or a ``.keras`` archive.

    Raises:
        FileError: The path is missing, unreadable, of another kind, or damaged.
    """
    from kerasport.reader import archive, h5, sniff

    path = Path(path)
    if sniff.kind(path) == "archive":
        return archive.open_archive(path)
    return h5.open_h5(path)
