"""Statistics of a prediction run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from kerasport.text import size_text


@dataclass(frozen=True)
class Summary:
    """One run.

    Attributes:
        output: The file that was written.
        rows: Rows that this run read.
        written: Rows in the output, with those of the runs that this one continued.
        bad: Rows that could not be used.
        bad_rows: The file that lists them; None if there are none.
        batch_size: Rows that the model took at a time.
        threads: Of ONNX Runtime.
        seconds: Wall-clock time of reading, inference and writing.
        rows_per_second: Of this run.
        batches: How many were run.
        p50_seconds: The median of inference of a batch.
        p99_seconds: What a hundredth of the batches exceeded.
        peak_bytes: The largest resident set of the process; None where the system does not tell.
    """

    output: str
    rows: int
    written: int
    bad: int
    bad_rows: str | None
    batch_size: int
    threads: int
    seconds: float
    rows_per_second: float
    batches: int
    p50_seconds: float
    p99_seconds: float
    peak_bytes: int | None

    def __str__(self) -> str:
        memory = "" if self.peak_bytes is None else f"; peak memory {size_text(self.peak_bytes)}"
        times = f"median {_milliseconds(self.p50_seconds)}, p99 {_milliseconds(self.p99_seconds)}"
        return (
            f"{self.rows:,} rows in {self.seconds:.2f} s, {self.rows_per_second:,.0f} a second; batches of"
            f" {self.batch_size}: {times}{memory}"
        )

    def to_json(self) -> str:
        """All of it, as a JSON object."""
        return json.dumps(asdict(self), indent=1) + "\n"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"
