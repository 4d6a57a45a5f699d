"""Infers what Keras 1 omits from its configs: the axis order of some layers, and the stride of ConvLSTM2D.

Padding, cropping and up-sampling have no ``dim_ordering`` in the file. The nearest layer that has one tells it,
along connections through layers that leave the axes as they are. Where none does, every reading is offered, the
likeliest first; the shapes of the weights behind then decide.
"""

from __future__ import annotations

import copy
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any

from kerasport.dialect.writer import Writer

Raw = Mapping[str, Any]
_Ends = tuple[list[int], list[int]]
_UNTOLD = frozenset(f"{kind}{d}D" for kind in ("ZeroPadding", "Cropping", "UpSampling") for d in (2, 3))
_PASSING = _UNTOLD | frozenset(
    [
        *("InputLayer", "Activation", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU", "SReLU", "ParametricSoftplus"),
        *("Dropout", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout"),
        *("ActivityRegularization", "BatchNormalization", "Merge"),
    ]
)
_STRIDES = (1, 2, 3, 4)


def readings(config: Raw, writer: Writer) -> Iterator[dict[str, Any]]:
    """The config with what it leaves out filled in, in one way after the other."""
    layers = _Layers()
    layers.model(copy.deepcopy(config))
    found = [layers.nearest(site) for site in range(len(layers.configs))]
    known = Counter(ordering for ordering in layers.orderings if ordering).most_common(1)
    # Keras's own default was changed to "tf" in 1.1.
    likely = known[0][0] if known else "tf" if writer.version >= (1, 1, 0) else "th"
    guesses = [likely, "th" if likely == "tf" else "tf"] if None in found else [likely]
    strides = _STRIDES if "ConvLSTM2D" in layers.classes else _STRIDES[:1]
    for stride in strides:
        for guess in guesses:
            yield _filled(config, [ordering or guess for ordering in found], stride)


def _filled(config: Raw, orderings: list[str], stride: int) -> dict[str, Any]:
    """A copy with these, in the order in which the layers are walked."""
    filled = copy.deepcopy(dict(config))
    layers = _Layers()
    layers.model(filled)
    for name, own, ordering in zip(layers.classes, layers.configs, orderings, strict=True):
        if name in _UNTOLD:
            own.setdefault("dim_ordering", ordering)
        if name == "ConvLSTM2D":
            own.setdefault("subsample", [stride, stride])
    return filled


class _Layers:
    """All layers of a model file, numbered, and which of them are connected."""

    def __init__(self) -> None:
        self.classes: list[str] = []
        self.configs: list[dict[str, Any]] = []
        self.orderings: list[str | None] = []
        self._neighbours: list[set[int]] = []

    def model(self, raw: Raw) -> _Ends:
        """Adds a model's layers; gives those at its inputs and at its outputs."""
        config = raw["config"]
        if isinstance(config, list):
            return self._chain(config)
        if not isinstance(config, dict) or "layers" not in config:
            return [], []
        if "output_layers" not in config:
            return self._chain(config["layers"])
        ends = {str(entry.get("name")): self._entry(entry) for entry in config["layers"]}
        for entry in config["layers"]:
            for name in _names(entry.get("inbound_nodes")):
                self._connect(ends.get(name, ([], []))[1], ends[str(entry.get("name"))][0])
        inputs = [site for name in _names(config.get("input_layers")) for site in ends.get(name, ([], []))[0]]
        outputs = [site for name in _names(config["output_layers"]) for site in ends.get(name, ([], []))[1]]
        return inputs, outputs

    def nearest(self, site: int) -> str | None:
        """The ordering that a layer has, or that the nearest layer tells; None where none does."""
        seen, queue = {site}, deque([site])
        while queue:
            at = queue.popleft()
            if self.orderings[at]:
                return self.orderings[at]
            if self.classes[at] not in _PASSING:
                if at == site:
                    return "none"
                continue
            queue += sorted(self._neighbours[at] - seen)
            seen |= self._neighbours[at]
        return None if self.classes[site] in _UNTOLD else "none"

    def _chain(self, entries: list[Any]) -> _Ends:
        first: list[int] = []
        last: list[int] = []
        for index, entry in enumerate(entries):
            starts, ends = self._entry(entry)
            self._connect(last, starts)
            first, last = first if index else starts, ends
        return first, last

    def _entry(self, entry: Raw) -> _Ends:
        config = entry.get("config")
        branches = config.get("layers") if isinstance(config, dict) and entry.get("class_name") == "Merge" else None
        if isinstance(config, list) or (isinstance(config, dict) and "output_layers" in config):
            return self.model(entry)
        if not isinstance(config, dict):
            return [], []
        inner = config.get("layer")
        if isinstance(inner, dict) and "class_name" in inner:
            return self._entry(inner)
        site = self._add(str(entry.get("class_name")), config)
        starts = []
        for branch in branches or ():
            first, last = self._entry(branch)
            self._connect(last, [site])
            starts += first
        return starts or [site], [site]

    def _add(self, name: str, config: dict[str, Any]) -> int:
        self.classes.append(name)
        self.configs.append(config)
        self.orderings.append(config.get("dim_ordering"))
        self._neighbours.append(set())
        return len(self.classes) - 1

    def _connect(self, ends: list[int], starts: list[int]) -> None:
        for end in ends:
            for start in starts:
                self._neighbours[end].add(start)
                self._neighbours[start].add(end)


def _names(raw: Any) -> Iterator[str]:
    """The layers that are referred to: the first items of all triples."""
    if isinstance(raw, list) and len(raw) >= 3 and isinstance(raw[0], str):
        yield raw[0]
    elif isinstance(raw, list):
        for item in raw:
            yield from _names(item)
