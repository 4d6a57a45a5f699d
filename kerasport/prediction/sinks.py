"""Batches of outputs into .npy and .npz files, in constant memory."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kerasport.errors import OptionError
from kerasport.files import whole

Array = NDArray[Any]


def write_batches(target: Path, names: Sequence[str], batches: Iterable[Sequence[Array]], rows: int) -> None:
    """Writes outputs as they come; the file appears when all are there.

    Args:
        target: ``.npy`` for a model with one output, ``.npz`` for any.
        names: The outputs' names, which name the arrays in an ``.npz``.
        batches: For each batch, one array per output.
        rows: How many rows there will be in all.

    Raises:
        OptionError: The suffix is another one, or ``.npy`` for several outputs.
        FileError: The target cannot be written.
    """
    check_target(target, names)
    with whole(target) as path, ExitStack() as files:
        parts = [path.with_name(f"part{index}.npy") for index in range(len(names))]
        writers = [_Part(files.enter_context(part.open("w+b")), rows) for part in parts]
        for batch in batches:
            for writer, array in zip(writers, batch, strict=True):
                writer.append(array)
        for writer in writers:
            writer.finish()
        if target.suffix == ".npy":
            parts[0].rename(path)
        else:
            _archive(path, names, parts)


def check_target(target: Path, names: Sequence[str]) -> None:
    """Raises OptionError unless these outputs can be written to a file of this name."""
    if target.suffix not in (".npy", ".npz"):
        raise OptionError(f"{target}: the output is written as .npy or .npz.")
    if target.suffix == ".npy" and len(names) > 1:
        raise OptionError(f"The model has {len(names)} outputs ({', '.join(names)}).", "Name the output file *.npz.")


class _Part:
    """One array on its way into a file. Strings may be longer from batch to batch, so their batches are noted."""

    def __init__(self, stream: IO[bytes], rows: int) -> None:
        self._stream = stream
        self._rows = rows
        self._strings: list[tuple[int, np.dtype[Any]]] = []
        self._shape: tuple[int, ...] | None = None

    def append(self, array: Array) -> None:
        """Writes a batch."""
        array = np.ascontiguousarray(array)
        if self._shape is None:
            self._shape = (self._rows, *array.shape[1:])
            self._write_header(array.dtype)
        if array.dtype.kind == "U":
            self._strings.append((array.size, array.dtype))
        self._stream.write(array.tobytes())

    def finish(self) -> None:
        """Closes the file, in which strings are all given the width of the longest."""
        widest = max((dtype for _, dtype in self._strings), key=lambda dtype: dtype.itemsize, default=None)
        if widest is not None and any(dtype != widest for _, dtype in self._strings):
            self._widen(widest)
        self._stream.close()

    def _widen(self, widest: np.dtype[Any]) -> None:
        with tempfile.TemporaryFile() as narrow:
            self._stream.seek(0)
            npy.read_magic(self._stream)
            npy.read_array_header_2_0(self._stream)
            shutil.copyfileobj(self._stream, narrow)
            narrow.seek(0)
            self._stream.seek(0)
            self._stream.truncate()
            self._write_header(widest)
            for size, dtype in self._strings:
                values = np.frombuffer(narrow.read(size * dtype.itemsize), dtype)
                self._stream.write(values.astype(widest).tobytes())

    def _write_header(self, dtype: np.dtype[Any]) -> None:
        descr = npy.dtype_to_descr(dtype)
        npy.write_array_header_2_0(self._stream, {"descr": descr, "fortran_order": False, "shape": self._shape})


def _archive(path: Path, names: Sequence[str], parts: Sequence[Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, part in zip(names, parts, strict=True):
            archive.write(part, f"{name}.npy")
            part.unlink()
