"""What is measured: one module a question, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable

from tests.bench.context import Context
from tests.bench.parts import conversion, graphs, growth, latency, start, throughput, validation

PARTS: dict[str, Callable[[Context], None]] = {
    "start": start.measure,
    "conversion": conversion.measure,
    "graphs": graphs.measure,
    "latency": latency.measure,
    "validation": validation.measure,
    "throughput": throughput.measure,
    "growth": growth.measure,
}
