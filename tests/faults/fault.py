"""What a fault is, and the registry of kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import onnx

from tests.faults.subject import Subject


@dataclass(frozen=True)
class Site:
    """A place where a kind of fault applies.

    Attributes:
        place: Says where, and what is changed; unique in its golden and kind.
        make: Gives the faulty model, its random details drawn from what it is given, and the layers that are right
            to be named for it.
        reason: Why no result can change, where that is known beforehand.
    """

    place: str
    make: Callable[[Random], tuple[onnx.ModelProto, frozenset[str]]]
    reason: str = ""


@dataclass(frozen=True)
class Fault:
    """A kind at a place of a golden.

    Attributes:
        golden: The golden's name.
        kind: The kind's name.
        site: The place.
        seed: Of the whole run; the fault's random details depend on it and on nothing else that is drawn.
    """

    golden: str
    kind: str
    site: Site
    seed: int

    @property
    def name(self) -> str:
        """By which it is made again: ``--only`` takes it."""
        return f"{self.golden} | {self.kind} | {self.site.place}"

    def make(self) -> tuple[onnx.ModelProto, frozenset[str]]:
        """The faulty model, and the layers that are right to be named."""
        return self.site.make(Random(f"{self.seed} {self.name}"))


Lister = Callable[[Subject], Iterator[Site]]
KINDS: dict[str, Lister] = {}


def kind(name: str) -> Callable[[Lister], Lister]:
    """Registers the function that lists the places of a kind of fault.

    Raises:
        ValueError: There is such a kind already.
    """

    def register(lister: Lister) -> Lister:
        if name in KINDS:
            raise ValueError(f"The kind {name!r} is registered twice.")
        KINDS[name] = lister
        return lister

    return register


def node_site(
    subject: Subject,
    index: int,
    what: str,
    change: Callable[[onnx.ModelProto, onnx.NodeProto, Random], None],
    reason: str = "",
) -> Site:
    """A fault in one node.

    Args:
        subject: The golden.
        index: The node's place among the nodes.
        what: Is changed.
        change: Changes the model, of which the node is given as well.
        reason: As in ``Site``.
    """

    def make(rng: Random) -> tuple[onnx.ModelProto, frozenset[str]]:
        proto = subject.copy()
        change(proto, proto.graph.node[index], rng)
        return proto, subject.layers_of_nodes([index])

    return Site(f"{subject.proto.graph.node[index].name}: {what}", make, reason)
