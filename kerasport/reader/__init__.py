"""Opens model files by their content: raw config, writer, and lazy weights. Reads no weight values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any

from kerasport.errors import DamagedFileError, NotAModelError, WeightsOnlyError
from kerasport.reader.saved import Contents, SavedModel, StoredWeights
from kerasport.reader.weights import Weight
from kerasport.supervision import reading

__all__ = ["SavedModel", "Weight", "open_model", "understood"]

_MOST_LISTED = 10_000
_MISREAD = (OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


def open_model(path: str | Path, weights: str | Path | None = None, alone: bool = False) -> SavedModel:
    """Opens a saved Keras model, by its content and not its suffix.

    Args:
        path: A whole model (HDF5, a ``.keras`` archive, such a directory), or an architecture (JSON, YAML).
        weights: A file of weights (HDF5, or the index of several such files) or of a whole model, of which only the
            weights are used; they take the place of those in the first file.
        alone: Whether an architecture may come without weights.

    Raises:
        FileError: A path is missing, unreadable, of another kind, or damaged.
        WeightsOnlyError: The first file has weights only.
    """
    with understood(Path(path)):
        model = _open(Path(path))
        try:
            if weights is None:
                return _whole(model, alone)
            _require_config(model)
            with understood(Path(weights)):
                return _joined(model, _open(Path(weights)))
        except BaseException:
            model.on_close()
            raise


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turns what comes out where a file says something that no file says into a sentence on the file.

    Raises:
        DamagedFileError: h5py, or code that takes a config for what it is, met something else.
    """
    try:
        with reading(path):
            yield
    except _MISREAD as error:
        what = f"{path} is not a model as any Keras writes it ({type(error).__name__}: {str(error)[:200]})."
        hint = "It may be damaged. If Keras loads it, please report it with the output of --debug."
        raise DamagedFileError(what, hint) from error


def _open(path: Path) -> Contents:
    from kerasport.reader import architecture, archive, h5, sniff

    openers = {
        "hdf5": h5.open_h5,
        "archive": archive.open_archive,
        "json": architecture.open_json,
        "yaml": architecture.open_yaml,
    }
    return openers[sniff.kind(path)](path)


def _whole(model: Contents, alone: bool) -> SavedModel:
    config = _require_config(model)
    missing = _without_weights(model) if model.weights is None else None
    if missing is not None and not alone:
        raise missing
    origin = model.origin
    files = {"source": model.files}
    return SavedModel(
        path=model.path,
        config=config,
        keras_version=origin.keras_version,
        backend=origin.backend,
        stored=model.weights or StoredWeights(origin),
        files=files,
        on_close=model.on_close,
        check=model.check,
        lacks_weights=missing,
    )


def _without_weights(model: Contents) -> NotAModelError:
    what, hint = model.elsewhere or (
        "the architecture of a model, without its weights",
        f"Add the file with its weights: kerasport convert {quote(str(model.path))} model.onnx --weights weights.h5.",
    )
    return NotAModelError(f"{model.path} is {what}.", hint)


def _joined(model: Contents, other: Contents) -> SavedModel:
    """The architecture of one file with the weights of another."""
    if other.weights is None:
        other.on_close()
        raise NotAModelError(
            f"{other.path}, given as --weights, is the architecture of a model, without weights.",
            "Give a file that model.save_weights('weights.h5') wrote.",
        )
    stack = ExitStack()
    stack.callback(model.on_close)
    stack.callback(other.on_close)
    return SavedModel(
        path=model.path,
        config=_require_config(model),
        keras_version=model.origin.keras_version,
        backend=model.origin.backend,
        stored=other.weights,
        files={"source": model.files, "weights": other.files},
        on_close=stack.close,
        check=other.check,
    )


def _require_config(model: Contents) -> Mapping[str, Any]:
    if model.config is None:
        listing = model.weights.listing() if model.weights is not None else iter(())
        raise WeightsOnlyError(
            f"{model.path} holds weights only, without the model's architecture.",
            "Where the model is defined, save that with open('model.json', 'w').write(model.to_json()), and give both: "
            f"kerasport convert model.json model.onnx --weights {quote(str(model.path))}.",
            tuple(islice(listing, _MOST_LISTED)),
        )
    return model.config
