"""The command line; the only place that knows click and rich."""

from __future__ import annotations

from kerasport.cli.main import main

__all__ = ["main"]
