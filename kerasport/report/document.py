"""A report as JSON, for machines."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

from kerasport.validation.result import SCHEMA

if TYPE_CHECKING:
    from kerasport.report.content import Report


def as_json(report: Report) -> dict[str, Any]:
    """What the README documents. Without a comparison, its keys are there and empty."""
    validation = report.validation
    return {
        "schema": SCHEMA,
        "command": report.command,
        "outcome": report.outcome,
        "exit_code": report.exit_code,
        "first_divergence": None,
        "layers": [],
        "outputs": [],
        "tolerance": None,
        "trials": [],
        "witnesses": [],
        "notes": [],
        "expected": [],
        "not_finite": [asdict(found) for found in report.not_finite],
        **(validation.to_json() if validation is not None else {}),
        "passed": validation.passed if validation is not None else False if report.exit_code else None,
        "verdict": report.verdict(),
        "models": [check.to_json() for check in report.checks],
        "conversion": dict(report.conversion) or None,
        "files": [{**asdict(file), "path": str(file.path)} for file in report.files],
        "options": dict(report.options),
        "environment": dict(report.environment),
        "created": report.created,
        "seconds": round(report.seconds, 3),
    }


def render(report: Report) -> str:
    """The text of a JSON file, ASCII only; numbers that are not finite, which JSON does not have, are null."""
    return json.dumps(_finite(as_json(report)), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
