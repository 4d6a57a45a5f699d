"""Limits on untrusted files, so that no file can make kerasport work without end.

The limits are far above what real models have. ``kerasport --limit layers=200000 ...`` and ``use`` move them.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, fields, replace

from kerasport.errors import OptionError


@dataclass(frozen=True)
class Limits:
    """The largest that is accepted.

    Attributes:
        layers: Layers of a model, those of models in it included.
        name: Characters of a name.
        text: Bytes of a config.
        values: Numbers of a layer's output for each sample.
        expansion: How many bytes of a compressed file may come of one.
        seconds: Of processor time that reading a file's structure, and its config, may take.
    """

    layers: int = 50_000
    name: int = 1_000
    text: int = 256 << 20
    values: int = 1 << 36
    expansion: int = 1_000
    seconds: int = 8


_LIMITS = ContextVar("limits", default=Limits())  # noqa: B039 (frozen)


def limits() -> Limits:
    """The limits in force."""
    return _LIMITS.get()


def use(**changed: int) -> None:
    """Puts other limits in force, for the current context.

    Raises:
        OptionError: There is no such limit, or it is not positive.
    """
    known = {field.name for field in fields(Limits)}
    for name, value in changed.items():
        if name not in known:
            raise OptionError(f"There is no limit {name!r}; the limits are {', '.join(sorted(known))}.")
        if value < 1:
            raise OptionError(f"The limit {name} is {value}; it must be positive.")
    _LIMITS.set(replace(limits(), **changed))


def way_on(name: str) -> str:
    """What a user can do who trusts a file that is beyond a limit."""
    return f"If you trust it, raise the limit: kerasport --limit {name}=N."
