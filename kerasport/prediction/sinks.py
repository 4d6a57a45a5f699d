"""Batches of outputs into .npy and .npz files, in constant memory."""

from __future__ import annotations

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
        streams = [files.enter_context(part.open("wb")) for part in parts]
        for index, batch in enumerate(batches):
            for stream, array in zip(streams, batch, strict=True):
                _append(stream, array, rows if index == 0 else None)
        for stream in streams:
            stream.close()
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


def _append(stream: IO[bytes], array: Array, rows: int | None) -> None:
    array = np.ascontiguousarray(array)
    if rows is not None:
        shape = (rows, *array.shape[1:])
        descr = npy.dtype_to_descr(array.dtype)
        npy.write_array_header_2_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    stream.write(array.tobytes())


def _archive(path: Path, names: Sequence[str], parts: Sequence[Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, part in zip(names, parts, strict=True):
            archive.write(part, f"{name}.npy")
            part.unlink()
