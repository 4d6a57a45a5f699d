"""What the user can do about a layer that is not supported, up to what is to be typed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from shlex import quote

from kerasport.assembly.holes import Holes
from kerasport.assembly.records import LayerRecord
from kerasport.errors import LayerError, Problem, UnknownError
from kerasport.graph import Call, Ends, Graph, reachable
from kerasport.layers.base import Value

AllEnds = Mapping[str, Sequence[Ends]]


@dataclass(frozen=True)
class Commands:
    """What the user types on this model.

    Attributes:
        convert: To convert it.
        scaffold: To write the skeleton of a plugin.
    """

    convert: str = "kerasport convert MODEL OUTPUT"
    scaffold: str = "kerasport scaffold MODEL"

    def way_on(self, key: str, error: LayerError) -> str:
        """What the user can do about a layer, up to what is to be typed.

        Args:
            key: The layer's full name.
            error: Why it is not supported.
        """
        if error.option:
            return f"{error.hint}: {self.convert} {error.option}"
        if "kerasport " in error.hint:
            return error.hint
        plugin = self._plugin("" if isinstance(error, UnknownError) else key)
        return f"{error.hint}; or {plugin}" if error.hint else plugin

    def completed(self, problems: Iterable[Problem], records: Mapping[str, LayerRecord]) -> list[Problem]:
        """Problems, whose hints all end with what is to be typed.

        Args:
            problems: Whatever refused them.
            records: The model's layers.
        """
        return [self._completed(problem, records.get(problem.layer)) for problem in problems]

    def _completed(self, problem: Problem, record: LayerRecord | None) -> Problem:
        if "kerasport " in problem.hint:
            return problem
        newer = re.search(r"--opset \d+", problem.hint)
        if newer is not None:
            return replace(problem, hint=f"{problem.hint}: {self.convert} {newer[0]}")
        replaceable = record is not None and not record.definition.operation
        way = self._plugin(problem.layer) if replaceable else "what is supported is listed by: kerasport layers"
        return replace(problem, hint=f"{problem.hint}; or {way}" if problem.hint else way)

    def _plugin(self, key: str) -> str:
        which = f" --layer {quote(key)}" if key else ""
        return f"write a plugin for it: {self.scaffold}{which} --output my_layers.py"


def with_parts(
    problems: Mapping[str, Problem],
    graph: Graph,
    outputs: Collection[str],
    calls: Sequence[Call],
    ends: AllEnds,
    holes: Holes,
) -> list[Problem]:
    """Problems with the way around them: the part of the model before the layer, or behind it, where that is most.

    Before it, so it is with what is put behind a network: decoders, losses that are layers, metrics; behind it, with
    what prepares a network's inputs.

    Args:
        problems: By layer.
        graph: What is known of the whole model.
        outputs: The layers that give the model's outputs.
        calls: All calls that are known.
        ends: What each layer reads and gives.
        holes: What nothing gives.
    """
    if not problems:
        return []
    makers = dict(chain.from_iterable(_makers(name, made) for name, made in ends.items()))
    behind = ""
    if not problems.keys() & set(outputs):
        behind = _behind(graph, calls, ends, holes) or _behind_of_a_shape(problems, calls, ends, holes)
    found = []
    for key, problem in problems.items():
        around = [part for part in (_before(ends.get(key, ()), calls, makers, holes), behind) if part]
        found.append(replace(problem, hint="; or ".join([*around, *([problem.hint] if problem.hint else [])])))
    return found


def _makers(name: str, made: Sequence[Ends]) -> Iterator[tuple[str, str]]:
    """Values, and how ``--outputs`` names them; those of a model are named after it, not after its last layer."""
    for index, call in enumerate(made):
        called = _called(name, made, index)
        for place, value in enumerate(call.outputs):
            yield value.name, f"{called}:{place}" if place else called


def _called(name: str, calls: Sequence[Ends], index: int) -> str:
    return name if len(calls) == 1 else f"{name}@{index}"


def _before(failed: Sequence[Ends], calls: Sequence[Call], makers: Mapping[str, str], holes: Holes) -> str:
    values = [value for call in failed for value in call.inputs]
    part = reachable(calls, values)
    told = [value for value in values if value.name in makers and not _is_constant(value, calls)]
    names = dict.fromkeys(makers[value.name] for value in told)
    if not names or not _is_most(part, calls) or _read(part) & {hole.value.name for hole in holes.found}:
        return ""
    return f"convert what is before it, with --outputs {quote(','.join(names))}"


def _is_constant(value: Value, calls: Sequence[Call]) -> bool:
    part = reachable(calls, [value])
    return bool(part) and _read(part) <= {made.name for call in part for made in call.outputs}


def _behind(graph: Graph, calls: Sequence[Call], ends: AllEnds, holes: Holes) -> str:
    """The part that reads the holes, where these are of known shapes, and it gives all of the model's outputs."""
    read = _read(reachable(calls, graph.outputs))
    needed = [hole for hole in holes.found if hole.value.name in read]
    if not needed or len(graph.outputs) < len(graph.output_names):
        return ""
    readers: dict[str, Ends] = {}
    for hole in needed:
        if hole.value not in [value for call in readers.values() for value in call.inputs]:
            readers |= _reader(hole.value, ends)
    given = {value.name for call in readers.values() for value in call.inputs}
    part = reachable(calls, graph.outputs, given)
    if not _is_most(part, calls) or any(hole.value.name in _read(part) - given for hole in needed):
        return ""
    names = [*readers, *(value.name for value in graph.inputs if value.name in _read(part) - given)]
    return f"convert what is behind it, with --inputs {quote(','.join(names))}"


def _behind_of_a_shape(problems: Mapping[str, Problem], calls: Sequence[Call], ends: AllEnds, holes: Holes) -> str:
    """The part whose input's shape the user has to tell; nothing of it is known until then."""
    last = [readers for readers in holes.shapeless.values() if not problems.keys() & readers.keys()]
    idle = [name for name, made in ends.items() if name not in problems and not any(call.outputs for call in made)]
    if len(last) != 1 or len(idle) < len({call.layer for call in calls}):
        return ""
    reader, shape = next(iter(last[0].items()))
    example = ", its shape such as ?x28x28x3" if shape.endswith("=SHAPE") else ""
    return f"convert what is behind it, with --inputs {quote(reader)} --input-shape {quote(shape)}{example}"


def _reader(value: Value, ends: AllEnds) -> dict[str, Ends]:
    """The outermost layer, or model, that reads a value, as ``--inputs`` names it."""
    for name in sorted(ends, key=lambda name: name.count("/")):
        for index, call in enumerate(ends[name]):
            if value in call.inputs:
                return {_called(name, ends[name], index): call}
    return {}


def _is_most(part: Sequence[Call], calls: Sequence[Call]) -> bool:
    return bool(part) and 2 * len({call.layer for call in part}) >= len({call.layer for call in calls})


def _read(calls: Sequence[Call]) -> set[str]:
    return {value.name for call in calls for value in (*call.inputs, *call.masks) if value}
