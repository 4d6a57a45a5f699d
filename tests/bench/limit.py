"""The least that a conversion could cost: each weight read by h5py, and its bytes written to a file.

    python limit.py [--import NAMES] [SOURCE TARGET]

With NAMES, separated by commas, these libraries are imported first; without files nothing is copied.
"""

from __future__ import annotations

import sys
from importlib import import_module


def copy(source: str, target: str) -> None:
    """Copies the values of all datasets of an HDF5 file."""
    import h5py
    import numpy as np

    with h5py.File(source) as file, open(target, "wb") as out:  # noqa: PTH123 pathlib is not among the libraries

        def write(_: str, item: h5py.Dataset | h5py.Group) -> None:
            if isinstance(item, h5py.Dataset):
                out.write(np.ascontiguousarray(item[()]).data)

        file.visititems(write)


def main(arguments: list[str]) -> None:
    """Imports, then copies."""
    if arguments[:1] == ["--import"]:
        for name in arguments[1].split(","):
            import_module(name)
        arguments = arguments[2:]
    if arguments:
        copy(*arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
