"""Weights in several files: the index that Keras 3.10 and later write for ``save_weights(..., max_shard_size=...)``.

``<n>.weights.json`` has ``{"metadata": {"total_size": ...}, "weight_map": {"/layers/dense/vars": "<n>_00000.weights.h5"
or a list of such names, ...}}``; each file beside it is a tree that lacks what the others have. What is where is read
off the files themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kerasport.errors import DamagedFileError
from kerasport.reader import h5
from kerasport.reader.members import plain_file
from kerasport.reader.saved import Contents, Origin, StoredWeights
from kerasport.reader.tree import WeightTree

_MOST_SHARDS = 1000


def is_index(value: Any) -> bool:
    """Whether a JSON value is such an index."""
    return isinstance(value, dict) and isinstance(value.get("weight_map"), dict)


def open_shards(path: Path, index: Mapping[str, Any]) -> Contents:
    """Opens the files that an index names.

    Raises:
        DamagedFileError: A name leads elsewhere, or a file is missing or broken.
    """
    files = tuple(plain_file(path.parent, name) for name in _names(path, index["weight_map"]))
    with ExitStack() as stack:
        shards = [stack.enter_context(h5.open_file(file)) for file in files]
        weights = StoredWeights(Origin(), tree=WeightTree(path, shards))
        return Contents(path, (path, *files), Origin(), None, weights, stack.pop_all().close)


def _names(path: Path, weight_map: Mapping[str, Any]) -> list[str]:
    names: dict[str, None] = {}
    for value in weight_map.values():
        for name in value if isinstance(value, list) else [value]:
            if not isinstance(name, str) or name in ("", ".", "..") or Path(name).name != name or "\\" in name:
                raise DamagedFileError(f"{path} names {name!r} as a file of weights, which is not a plain file name.")
            names[name] = None
    if not 0 < len(names) <= _MOST_SHARDS:
        raise DamagedFileError(f"{path} names {len(names)} files of weights.")
    return list(names)
