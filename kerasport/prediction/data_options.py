"""The user's options on data: its format, which part of it to use, and steps before and after the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kerasport.errors import OptionError
from kerasport.prediction.rows import Array, Request, Rows
from kerasport.runtime.sessions import Port

PREPROCESS = ("caffe", "tf", "torch", "0-1", "none")
RESAMPLE = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
After = Callable[[Mapping[str, Array]], Mapping[str, Array]]


@dataclass(frozen=True)
class DataOptions:
    """Options on the inputs and outputs of a prediction.

    Attributes:
        input_format: The format of the inputs, "" to detect it by content and suffix.
        output_format: The format of the output, "" to take it from the suffix.
        columns: The columns of a table that make up an input, by input name; "" for the only input.
        keep_columns: Columns to copy to the output.
        delimiter: The field separator of CSV, "" to detect it.
        header: Whether CSV starts with column names; None to detect it.
        preprocess: How to scale the pixels of images, one of ``PREPROCESS``; "" if there are none.
        resample: Pillow's filter for resizing images, one of ``RESAMPLE``.
        image_size: HEIGHTxWIDTH, if the model takes images of any size.
        top: How many of the best classes to return instead of all; 0 for all.
        labels: The file with the class names.
    """

    input_format: str = ""
    output_format: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep_columns: tuple[str, ...] = ()
    delimiter: str = ""
    header: bool | None = None
    preprocess: str = ""
    resample: str = "nearest"
    image_size: str = ""
    top: int = 0
    labels: Path | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> DataOptions:
        """The options as given in Python, where columns may be a list (for the only input), and labels a string.

        Raises:
            OptionError: There is no such preprocessing or filter.
        """
        plain = dict(said)
        if "columns" in plain:
            columns = plain["columns"]
            columns = columns if isinstance(columns, Mapping) else {"": columns}
            plain["columns"] = {name: tuple(given) for name, given in columns.items()}
        plain["keep_columns"] = tuple(plain.get("keep_columns", ()))
        plain["labels"] = Path(plain["labels"]) if plain.get("labels") else None
        found = cls(**plain)
        for name, value, known in (
            ("preprocess", found.preprocess, ("", *PREPROCESS)),
            ("resample", found.resample, RESAMPLE),
        ):
            if value not in known:
                raise OptionError(f"{name}={value!r} is none of {', '.join(filter(None, known))}.")
        return found

    def request(self, ports: Sequence[Port]) -> Request:
        """What to read from the files."""
        options = {
            "delimiter": self.delimiter,
            "header": {None: "", True: "yes", False: "no"}[self.header],
            "preprocess": self.preprocess,
            "resample": self.resample,
            "image_size": self.image_size,
        }
        return Request(tuple(ports), self.columns, self.keep_columns, self.input_format, options)

    def before(self, ports: Sequence[Port]) -> list[Callable[[Rows], Rows]]:
        """Steps between reading and inference, for a model's inputs."""
        if self.preprocess in ("", "none"):
            return []
        from kerasport.prediction.preprocessing import preprocessing

        return [preprocessing(ports, self.preprocess)]

    def after(self, ports: Sequence[Port]) -> list[After]:
        """Steps between inference and writing, for a model's outputs."""
        if not self.top:
            if self.labels is not None:
                raise OptionError("--labels needs --top, which says how many classes to return.", "Add --top 5.")
            return []
        from kerasport.prediction.ranking import ranking, read_labels

        return [ranking(ports, self.top, read_labels(self.labels) if self.labels else ())]

    def settings(self) -> dict[str, Any]:
        """The options that change the output, as JSON values."""
        said = {
            "--columns": {name: list(columns) for name, columns in self.columns.items()},
            "--keep-columns": list(self.keep_columns),
            "--preprocess": self.preprocess,
            "--top": self.top,
            "--labels": str(self.labels or ""),
        }
        return {**{f"--{name.replace('_', '-')}": value for name, value in self.request(()).options.items()}, **said}


def names_after(ports: Sequence[Port], steps: Sequence[After]) -> list[str]:
    """The names of the columns into which the steps turn the outputs."""
    columns: Mapping[str, Array] = {
        port.name: np.empty((0, *(dim or 1 for dim in port.shape[1:])), port.dtype) for port in ports
    }
    for step in steps:
        columns = step(columns)
    return list(columns)
