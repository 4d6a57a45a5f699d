"""Frozen classes with keyword-only fields, like frozen dataclasses, but without generated code.

Compiling six methods for each of a hundred small classes took a tenth of a small model's conversion; here all share
the methods of one base. ``dataclasses.fields`` and ``replace`` work on them.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, fields
from typing import Any, ClassVar, TypeVar, dataclass_transform

T = TypeVar("T", bound="Frozen")


class Frozen:
    """The base of all classes that ``frozen`` makes: equal and hashable by class and fields."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init__(self, **values: Any) -> None:
        own = self.__dict__
        for field in fields(self):
            if field.name in values:
                own[field.name] = values.pop(field.name)
            elif field.default is not MISSING:
                own[field.name] = field.default
            elif field.default_factory is not MISSING:
                own[field.name] = field.default_factory()
            else:
                raise TypeError(f"{type(self).__name__}() misses the argument {field.name!r}")
        if values:
            raise TypeError(f"{type(self).__name__}() has no argument {next(iter(values))!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Frozen) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))
        return f"{type(self).__qualname__}({shown})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[T]) -> type[T]:
    """Makes a subclass of Frozen a class of named, read-only fields, which its annotations list."""
    return dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)
