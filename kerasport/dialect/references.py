"""Translates node indices, which each Keras counts differently, to positions in ``LayerDef.nodes``.

A nested model's own construction is its node 0 and is not stored. Keras 2 counts it all the same, so the
indices of a nested model's stored calls start at 1. Keras 3 counts from 0 in ``inbound_nodes`` and from 1
in ``output_layers`` of the same file. Keras 3.0 writes raw call numbers in ``inbound_nodes``, calls outside
this model included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kerasport.dialect.model import LayerDef, TensorRef
from kerasport.dialect.writer import Writer


class References:
    """The canonical form of one model's references.

    Args:
        entries: For each entry of the model's layer list, the layer, and the activation split off it if any.
        outputs: The model's outputs as they are in the file.
        writer: Decides how nested models are counted.
    """

    def __init__(self, entries: Sequence[Sequence[LayerDef]], outputs: Sequence[TensorRef], writer: Writer) -> None:
        layers = [entry[0] for entry in entries]
        inner = [ref for layer in layers for node in layer.nodes for ref in (*node.inputs, node.mask) if ref]
        self._ranks: Mapping[str, Mapping[int, int]] = {}
        self._after = {entry[0].name: entry[1].name for entry in entries if len(entry) > 1}
        self._single = {layer.name for layer in layers if len(layer.nodes) == 1}
        nested = {layer.name: len(layer.nodes) for layer in layers if layer.model is not None}
        if writer.keras3:
            self._inner, self._outer = _exceeding(nested, inner), _from_one(nested, outputs)
            self._ranks = _ranks({layer.name: len(layer.nodes) for layer in layers}, inner)
        else:
            self._inner = self._outer = _from_one(nested, [*inner, *outputs])

    def output(self, ref: TensorRef) -> TensorRef:
        """One of the model's outputs."""
        return self._moved(ref, self._outer, {})

    def entry(self, entry: Sequence[LayerDef]) -> list[LayerDef]:
        """A layer with canonical references, and the activation that was split off it."""
        nodes = tuple(
            replace(
                node,
                inputs=tuple(self._moved(ref, self._inner, self._ranks) for ref in node.inputs),
                mask=self._moved(node.mask, self._inner, self._ranks) if node.mask else None,
            )
            for node in entry[0].nodes
        )
        return [replace(entry[0], nodes=nodes), *entry[1:]]

    def _moved(self, ref: TensorRef, first: Mapping[str, int], ranks: Mapping[str, Mapping[int, int]]) -> TensorRef:
        node = 0 if ref.layer in self._single else ref.node - first.get(ref.layer, 0)
        node = ranks[ref.layer][ref.node] if ref.layer in ranks else node
        return replace(ref, layer=self._after.get(ref.layer, ref.layer), node=node)


def _ranks(calls: Mapping[str, int], refs: Iterable[TensorRef]) -> dict[str, dict[int, int]]:
    """For layers whose numbers go past their calls: each number's place among those used, when all calls are used."""
    used: dict[str, set[int]] = {}
    for ref in refs:
        used.setdefault(ref.layer, set()).add(ref.node)
    past = {name: sorted(numbers) for name, numbers in used.items() if max(numbers) >= calls.get(name, 0)}
    return {
        name: {number: place for place, number in enumerate(numbers)}
        for name, numbers in past.items()
        if len(numbers) == calls.get(name)
    }


def _from_one(nested: Mapping[str, int], refs: Iterable[TensorRef]) -> dict[str, int]:
    """1 for the nested models of which no call 0 is used."""
    from_zero = {ref.layer for ref in refs if ref.node == 0}
    return {name: 0 if name in from_zero else 1 for name in nested}


def _exceeding(nested: Mapping[str, int], refs: Iterable[TensorRef]) -> dict[str, int]:
    """1 for the nested models whose indices go past their stored calls."""
    past = {ref.layer for ref in refs if ref.layer in nested and ref.node >= nested[ref.layer]}
    return {name: int(name in past) for name in nested}
