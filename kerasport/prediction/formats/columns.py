"""Which columns of a table feed which input: by name, by ``--columns``, or all of them for the only input."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kerasport.errors import InputError
from kerasport.runtime.sessions import Port

_SHOWN = 8


@dataclass(frozen=True)
class Header:
    """The columns of a table.

    Attributes:
        table: The table's name, for messages.
        names: The columns' names, in order.
        nested: The places of columns that hold a list for each row.
    """

    table: str
    names: tuple[str, ...]
    nested: frozenset[int] = frozenset()

    def place(self, name: str) -> int:
        """Where the column of this name is.

        Raises:
            InputError: There is none, or more than one.
        """
        count = self.names.count(name)
        if count == 1:
            return self.names.index(name)
        if count:
            raise InputError(f"{self.table} has {count} columns {name!r}.", "Give each a name of its own.")
        near = difflib.get_close_matches(name, self.names, n=1)
        what = f"{self.table} has no column {name!r}; it has {listed(self.names)}."
        raise InputError(what, f"Did you mean {near[0]!r}?" if near else "")

    def places(self, names: Iterable[str]) -> list[int]:
        """The places of columns, where ``a:c`` is all from a to c."""
        found: list[int] = []
        for name in names:
            first, _, last = name.rpartition(":")
            if name not in self.names and first in self.names and last in self.names:
                found += range(self.place(first), self.place(last) + 1)
            else:
                found.append(self.place(name))
        return found


@dataclass(frozen=True)
class Columns:
    """Where a table's values go, by the places of its columns.

    Attributes:
        inputs: For each input, the columns that are its value in a row.
        kept: The columns that are carried through to the output, by name.
    """

    inputs: Mapping[str, tuple[int, ...]]
    kept: Mapping[str, int]


def assign(ports: Sequence[Port], header: Header, chosen: Mapping[str, Sequence[str]], keep: Sequence[str]) -> Columns:
    """Decides which columns feed which input.

    An input takes the columns that ``chosen`` names; else the column of its own name; else the columns NAME_0, NAME_1
    ... of its name. What one last input takes are all the columns that are left and not kept.

    Args:
        ports: The inputs that the table feeds.
        header: The table's columns.
        chosen: The names of columns for an input, or for "", the only input.
        keep: The names of columns to carry through.

    Raises:
        InputError: Columns are unknown or missing, or too many or too few for an input.
    """
    kept = {name: header.place(name) for name in keep}
    inputs = _chosen(ports, header, chosen)
    for port in ports:
        if port.name not in inputs and (found := _of_its_name(port, header)):
            inputs[port.name] = found
    open_ports = [port for port in ports if port.name not in inputs]
    used = {*kept.values(), *(place for places in inputs.values() for place in places)}
    free = tuple(place for place in range(len(header.names)) if place not in used)
    if len(open_ports) == 1 and not (len(ports) > 1 and not free):
        inputs[open_ports[0].name] = free
    elif open_ports:
        raise _unfed(open_ports, header, free)
    for port in ports:
        _check_width(port, header, inputs[port.name])
    return Columns({port.name: inputs[port.name] for port in ports}, kept)


def listed(names: Iterable[str]) -> str:
    """Names for a message: the first, and how many more."""
    names = list(names)
    more = f" ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def width(port: Port) -> int | None:
    """How many numbers a row of an input has; None where that is open."""
    sizes = port.shape[1:]
    return None if None in sizes else math.prod(size for size in sizes if size is not None)


def row_shape(table: str, port: Port, count: int) -> tuple[int, ...]:
    """The shape of a row that so many numbers make up: the input's, of which one axis may be open.

    Raises:
        InputError: They do not fill it.
    """
    sizes = port.shape[1:]
    known = math.prod(size for size in sizes if size is not None)
    if sizes.count(None) > 1 or count % known:
        what = f"{table} gives the input {port.name!r} {count} columns, which do not fill its shape {sizes}."
        raise InputError(what, "Give it as .npy, or as lists in JSON lines or Parquet.")
    return tuple(count // known if size is None else size for size in sizes)


def list_shape(header: Header, place: int, port: Port, found: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a row in a column of lists, which must be the input's.

    Raises:
        InputError: It is another one.
    """
    sizes = port.shape[1:]
    if len(found) == len(sizes) and all(size in (None, has) for size, has in zip(sizes, found, strict=True)):
        return found
    what = f"The input {port.name!r} takes the shape {sizes} a row; {header.names[place]!r} in {header.table} has the"
    raise InputError(f"{what} shape {found}.")


def _chosen(ports: Sequence[Port], header: Header, chosen: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, ...]]:
    names = [port.name for port in ports]
    if "" in chosen and len(ports) > 1:
        what = f"--columns {','.join(chosen[''])}: the model has {len(ports)} inputs ({listed(names)})."
        raise InputError(what, f"Say which input takes these columns: --columns {names[0]}=a,b,c.")
    meant = {name or names[0]: columns for name, columns in chosen.items()}
    return {name: tuple(header.places(columns)) for name, columns in meant.items() if name in names}


def _of_its_name(port: Port, header: Header) -> tuple[int, ...]:
    if port.name in header.names:
        return (header.place(port.name),)
    numbered: list[int] = []
    while (name := f"{port.name}_{len(numbered)}") in header.names:
        numbered.append(header.place(name))
    return tuple(numbered)


def _unfed(ports: Sequence[Port], header: Header, free: Sequence[int]) -> InputError:
    left = [header.names[place] for place in free]
    near = {port.name: difflib.get_close_matches(port.name, left, n=1) for port in ports}
    unfed = listed(port.name for port in ports)
    over = f"{len(left)} of its {len(header.names)} columns are left over: {listed(left)}" if left else "all are used"
    guess = next(((name, found[0]) for name, found in near.items() if found), (ports[0].name, "a,b,c"))
    return InputError(
        f"{header.table} has no column for the input{'s' * (len(ports) > 1)} {unfed}; {over}.",
        f"Choose its columns: --columns {guess[0]}={guess[1]}.",
    )


def _check_width(port: Port, header: Header, places: Sequence[int]) -> None:
    """Raises InputError unless this many columns make a row of the input."""
    wanted, given = width(port), len(places)
    if given == 1 and places[0] in header.nested:
        return
    if any(place in header.nested for place in places):
        names = [header.names[place] for place in places]
        lists = listed(header.names[place] for place in places if place in header.nested)
        what = f"The input {port.name!r} would take the columns {listed(names)} of {header.table}"
        raise InputError(f"{what}, of which {lists} hold lists.", f"Choose one: --columns {port.name}=NAME.")
    if given and (wanted is None or wanted == given):
        return
    needs = "some columns" if wanted is None else f"{wanted:,} column{'s' * (wanted != 1)}"
    given_names = f": {listed(header.names[place] for place in places)}" if given else ""
    what = f"The input {port.name!r} takes {needs} a row; {header.table} gives it {given:,}{given_names}."
    hint = "Choose them with --columns a,b,c (a:c is the range from a to c), and those to copy with --keep-columns."
    raise InputError(what, hint)
