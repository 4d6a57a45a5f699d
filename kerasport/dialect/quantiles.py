"""The bin boundaries of an adapted Discretization, which tf.keras saves as a summary of the values it saw."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasport.dialect.storage import Arrays, Storage
from kerasport.errors import DamagedFileError
from kerasport.reader.weights import DerivedWeight, Weight

if TYPE_CHECKING:
    from numpy.typing import NDArray


def summarized(name: str, config: Mapping[str, Any]) -> Storage | None:
    """The storage of a Discretization whose boundaries are not in its config; None for any other layer."""
    bins = config.get("num_bins")
    if name != "Discretization" or not isinstance(bins, int) or bins < 1:
        return None
    if config.get("bin_boundaries") is not None or config.get("bins") is not None:
        return None
    return Storage(("summary",), {"boundaries": partial(_boundaries, bins)})


def _boundaries(bins: int, stored: Arrays) -> Weight:
    summary = stored["summary"]
    if len(summary.shape) != 2 or summary.shape[0] != 2 or not summary.shape[1]:
        raise DamagedFileError(f"The weight {summary.path!r} has the shape {summary.shape} where (2, n) is needed.")
    count = summary.shape[1] if _is_short(summary.shape[1], bins) else len(_shares(bins))
    compute = partial(_quantiles, bins)
    return DerivedWeight(f"{summary.path} as boundaries", (count - 1,), np.dtype("float32"), (summary,), compute)


def _quantiles(bins: int, summary: NDArray[Any]) -> NDArray[Any]:
    """Where the summary's (values, weights) reach each share of the whole weight, without the last."""
    values, weights = summary
    if not _is_short(len(values), bins):
        total = weights.cumsum()
        values = np.interp(_shares(bins), total / total[-1], values)
    return np.asarray(values[:-1], np.float32)


def _is_short(values: int, bins: int) -> bool:
    """Whether the summary has fewer values than there should be bins; each then is a bin."""
    return values * (1.0 / bins) < 1


def _shares(bins: int) -> NDArray[Any]:
    return 1.0 / bins + np.arange(0.0, 1.0, 1.0 / bins)
