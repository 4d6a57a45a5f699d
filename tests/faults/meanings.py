"""Faults of meaning, made in the graph of specs before it is exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

import onnx

from kerasport.errors import LayerError
from kerasport.graph import Call, Graph
from kerasport.layers import conv, merge
from kerasport.layers.base import Spec
from kerasport.layers.frozen import Frozen
from kerasport.layers.functions import Function, function
from tests.faults import proofs
from tests.faults.fault import Site, kind
from tests.faults.subject import Subject, layers_of_calls

# Functions that are taken for each other.
_NEIGHBOURS = {
    "celu": "elu",
    "elu": "selu",
    "exponential": "softplus",
    "gelu": "silu",
    "hard_sigmoid": "sigmoid",
    "hard_silu": "silu",
    "hard_tanh": "tanh",
    "leaky_relu": "relu",
    "log_sigmoid": "sigmoid",
    "log_softmax": "softmax",
    "mish": "silu",
    "relu": "leaky_relu",
    "selu": "elu",
    "sigmoid": "hard_sigmoid",
    "silu": "hard_silu",
    "softmax": "log_softmax",
    "softplus": "exponential",
    "softsign": "tanh",
    "tanh": "softsign",
}
# Parameters that Keras changed, or that converters forget.
_PARAMETERS: Mapping[str, Mapping[str, Callable[[float], float]]] = {
    "hard_sigmoid": {"slope": lambda slope: 0.2 if slope < 0.19 else 1 / 6},
    "gelu": {"approximate": lambda tanh: 1.0 - tanh},
    "leaky_relu": {"negative_slope": lambda slope: 0.2 if abs(slope - 0.3) < 1e-6 else 0.3},
    "elu": {"alpha": lambda alpha: 1.0 if alpha != 1.0 else 1.2},
    "relu": {"negative_slope": lambda slope: 0.0, "threshold": lambda threshold: 0.0},
    "thresholded_relu": {"theta": lambda theta: 1.0 if theta != 1.0 else 0.0},
}
_MERGES: dict[type[Frozen], type[Spec]] = {
    merge.Add: merge.Average,
    merge.Average: merge.Add,
    merge.Maximum: merge.Minimum,
    merge.Minimum: merge.Maximum,
    merge.Multiply: merge.Add,
}
_Rebuild = Callable[[Frozen], Spec]


def _parts(spec: Frozen, rebuild: _Rebuild, path: str) -> Iterator[tuple[str, Frozen, _Rebuild]]:
    """A spec and the specs inside of it; each with what puts another in its place."""
    yield path, spec, rebuild
    for field in fields(spec):
        value = getattr(spec, field.name)
        inner = value if isinstance(value, tuple) else (value,)
        for i, part in enumerate(inner):
            if isinstance(part, Frozen):

                def put(new: Frozen, name: str = field.name, i: int = i, value: Any = value) -> Spec:
                    whole = (*value[:i], new, *value[i + 1 :]) if isinstance(value, tuple) else new
                    return rebuild(replace(spec, **{name: whole}))

                yield from _parts(part, put, f"{path}{field.name}{i or ''}.")


def _whole(part: Frozen) -> Spec:
    assert isinstance(part, Spec)
    return part


@dataclass(frozen=True)
class _Part:
    """A spec, or one inside of it.

    Attributes:
        call: The call that it is of.
        path: Where it is in the call's spec, with a dot behind it.
        spec: The part.
        rebuild: The call's spec with another part in its place.
    """

    call: Call
    path: str
    spec: Frozen
    rebuild: _Rebuild

    def with_part(self, part: Frozen) -> Call:
        """The call with another part in this one's place."""
        return replace(self.call, spec=self.rebuild(part))

    def field(self, name: str) -> Any:
        """A field, None where there is none."""
        return getattr(self.spec, name, None)


def _parts_of(subject: Subject) -> Iterator[_Part]:
    for call in subject.graph.calls:
        for path, part, rebuild in _parts(call.spec, _whole, ""):
            yield _Part(call, path, part, rebuild)


def call_site(subject: Subject, changed: Call, what: str, reason: str = "") -> Site:
    """A fault in one call of a layer, which is given as it is then."""

    def make(_: Random) -> tuple[onnx.ModelProto, frozenset[str]]:
        calls = tuple(changed if each.name == changed.name else each for each in subject.graph.calls)
        return _exported(subject, replace(subject.graph, calls=calls), [changed])

    return Site(f"{changed.name}: {what}", make, reason)


def _exported(subject: Subject, graph: Graph, at_fault: list[Call]) -> tuple[onnx.ModelProto, frozenset[str]]:
    proto = subject.exported(graph)
    return proto, layers_of_calls(graph, proto, at_fault)


def _set(subject: Subject, at: _Part, name: str, value: Any, reason: str = "") -> Iterator[Site]:
    """Another value of a field, where the layer's type and its weights stay as they are."""
    changed = at.with_part(replace(at.spec, **{name: value}))
    if _fits(at.call, changed.spec):
        what = f"{at.path}{name} is {_shown(value)} instead of {_shown(at.field(name))}"
        yield call_site(subject, changed, what, reason)


def _shown(value: Any) -> str:
    if isinstance(value, Function):
        return f"{value.name}({', '.join(f'{k}={v:g}' for k, v in value.parameters)})"
    return str(value)


def _fits(call: Call, spec: Spec) -> bool:
    types = [value.type for value in call.inputs]
    try:
        inferred, roles = spec.infer(*types), _roles(call, spec)
    except (LayerError, ValueError, IndexError):
        return False
    made = inferred if isinstance(inferred, tuple) else (inferred,)
    return [t.shape for t in made] == [v.type.shape for v in call.outputs] and roles <= _roles(call, call.spec)


def _roles(call: Call, spec: Spec) -> set[tuple[str, Any]]:
    return set(spec.weights(*(value.type for value in call.inputs)).items())


def _functions(part: Frozen) -> Iterator[tuple[str, Function]]:
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, Function):
            yield field.name, value


@kind("activation replaced by its neighbour")
def activation_neighbour(subject: Subject) -> Iterator[Site]:
    """See ``_NEIGHBOURS``."""
    for at in _parts_of(subject):
        for name, f in _functions(at.spec):
            if f.name in _NEIGHBOURS:
                other = function(_NEIGHBOURS[f.name])
                yield from _set(subject, at, name, other, proofs.same_function(f, other))


@kind("activation with another parameter")
def activation_parameter(subject: Subject) -> Iterator[Site]:
    """hard_sigmoid of Keras 2 and 3, gelu by erf and tanh, leaky slopes of 0.2 and 0.3, and more."""
    for at in _parts_of(subject):
        for name, f in _functions(at.spec):
            for parameter, other in _PARAMETERS.get(f.name, {}).items():
                changed = other(f[parameter])
                if changed != f[parameter]:
                    new = Function(f.name, tuple(sorted({**dict(f.parameters), parameter: changed}.items())))
                    yield from _set(subject, at, name, new, proofs.same_above_zero(subject, at.call, f))


@kind("epsilon")
def epsilon(subject: Subject) -> Iterator[Site]:
    """1e-3, Keras's, and 1e-5, that of others, taken for each other."""
    for at in _parts_of(subject):
        value = at.field("epsilon")
        if isinstance(value, float):
            other = 1e-5 if value >= 1e-4 else 1e-3
            yield from _set(subject, at, "epsilon", other, proofs.epsilon_below_rounding(subject, at.call, other))


@kind("scale or offset dropped")
def affine_dropped(subject: Subject) -> Iterator[Site]:
    """A normalisation without its gamma, or without its beta."""
    for at in _parts_of(subject):
        for name in ("scale", "center"):
            if at.field(name) is True:
                yield from _set(subject, at, name, False)


@kind("weights swapped")
def weights_swapped(subject: Subject) -> Iterator[Site]:
    """Two weights of a layer that have the same shape, such as gamma and beta, or mean and variance."""
    for key, layer in subject.graph.layers.items():
        roles = list(layer.weights)
        for i, a in enumerate(roles):
            for b in roles[i + 1 :]:
                if layer.weights[a].shape == layer.weights[b].shape:
                    yield _swap_site(subject, key, a, b)


def _swap_site(subject: Subject, key: str, a: str, b: str) -> Site:
    layer = subject.graph.layers[key]

    def make(_: Random) -> tuple[onnx.ModelProto, frozenset[str]]:
        weights = dict(layer.weights) | {a: layer.weights[b], b: layer.weights[a]}
        graph = replace(subject.graph, layers={**subject.graph.layers, key: replace(layer, weights=weights)})
        return _exported(subject, graph, [call for call in graph.calls if call.layer == key])

    return Site(f"{key}: {a} and {b} swapped", make)


@kind("dilation lost")
def dilation_lost(subject: Subject) -> Iterator[Site]:
    """All dilations 1."""
    for at in _parts_of(subject):
        dilations, sizes = at.field("dilations"), at.field("kernel_size")
        if dilations and max(dilations) > 1:
            changed = at.with_part(replace(at.spec, dilations=(1,) * len(dilations)))
            matters = any(d > 1 and size > 1 for d, size in zip(dilations, sizes, strict=True))
            reason = "" if matters else proofs.ONE_POSITION
            yield call_site(subject, changed, f"{at.path}dilations {dilations} lost", reason)


@kind("stride lost")
def stride_lost(subject: Subject) -> Iterator[Site]:
    """All strides 1; the output has another shape."""
    for at in _parts_of(subject):
        strides = at.field("strides")
        if strides and max(strides) > 1:
            changed = at.with_part(replace(at.spec, strides=(1,) * len(strides)))
            if _roles(at.call, changed.spec) != _roles(at.call, at.call.spec):
                continue  # locally connected layers have a kernel for each place
            reason = proofs.ONE_OUTPUT if _one_output(at.call, changed.spec) else ""
            yield call_site(subject, changed, f"{at.path}strides {strides} lost", reason)


def _one_output(call: Call, spec: Spec) -> bool:
    """Whether the window has one place on every axis with a stride, with or without that."""
    known = None not in call.outputs[0].type.shape[1:] and not isinstance(spec, conv.ConvTranspose)
    return known and _fits(call, spec) and getattr(spec, "padding", "") == "valid"


@kind("mask ignored")
def mask_ignored(subject: Subject) -> Iterator[Site]:
    """A layer that gets no mask."""
    for call in subject.graph.calls:
        for i, mask in enumerate(call.masks):
            if mask is not None:
                reason = proofs.nothing_masked(subject, mask)
                masks = (*call.masks[:i], None, *call.masks[i + 1 :])
                yield call_site(subject, replace(call, masks=masks), f"no mask for input {i}", reason)


@kind("masked steps treated otherwise")
def masked_steps(subject: Subject) -> Iterator[Site]:
    """Zeros for masked steps instead of the last output, or the other way round."""
    for at in _parts_of(subject):
        zero = at.field("zero_masked")
        if isinstance(zero, bool) and any(at.call.masks) and at.field("masked"):
            reason = proofs.nothing_masked(subject, at.call.masks[0]) or proofs.masked_steps_unread(subject, at.call)
            yield from _set(subject, at, "zero_masked", not zero, reason)


@kind("sequence read backwards")
def go_backwards(subject: Subject) -> Iterator[Site]:
    """``go_backwards`` forgotten, or set."""
    for at in _parts_of(subject):
        backwards = at.field("go_backwards")
        if isinstance(backwards, bool):
            reason = proofs.order_of_steps(subject, at.call)
            yield from _set(subject, at, "go_backwards", not backwards, reason)


@kind("merged otherwise")
def merged(subject: Subject) -> Iterator[Site]:
    """A sum for a mean, the smallest for the largest, and such."""
    for at in _parts_of(subject):
        other = _MERGES.get(type(at.spec))
        if other is not None:
            own = {field.name: at.field(field.name) for field in fields(other) if hasattr(at.spec, field.name)}
            what = f"{other.__name__} instead of {type(at.spec).__name__}"
            alone = len({value.name for value in at.call.inputs}) == 1 and not {merge.Add, merge.Multiply} & {
                other,
                type(at.spec),
            }
            yield call_site(subject, at.with_part(other(**own)), what, proofs.ONE_VALUE if alone else "")
        mode = at.field("merge_mode")
        modes = {"sum": "ave", "ave": "sum", "mul": "sum"}
        if mode in modes:
            yield from _set(subject, at, "merge_mode", modes[mode])


@kind("layer over the wrong axis")
def layer_axis(subject: Subject) -> Iterator[Site]:
    """Another axis of a normalisation, a softmax or a concatenation, for which the shapes are the same."""
    for at in _parts_of(subject):
        rank = at.call.inputs[0].type.rank if at.call.inputs else 0
        axes, axis = at.field("axes"), at.field("axis")
        if isinstance(axes, tuple) and len(axes) == 1:
            for other in range(1, rank):
                if other != axes[0] % rank:
                    yield from _set(subject, at, "axes", (other,), proofs.one_number(at.call.spec))
        if isinstance(axis, int) and rank:
            for other in range(1, rank):
                if other != axis % rank:
                    yield from _set(subject, at, "axis", other)


@kind("data layout")
def data_layout(subject: Subject) -> Iterator[Site]:
    """Channels taken for the first axis where they are the last, or the other way round."""
    for at in _parts_of(subject):
        first = at.field("channels_first")
        if isinstance(first, bool) and at.call.inputs[0].type.rank > 2:
            yield from _set(subject, at, "channels_first", not first)


@kind("cropped or padded off by one")
def cropping(subject: Subject) -> Iterator[Site]:
    """One position more at the start, and one less at the end."""
    for at in _parts_of(subject):
        for name in ("cropping", "padding"):
            pairs = at.field(name)
            if isinstance(pairs, tuple):
                for i, (before, after) in enumerate(pairs):
                    moved = (before + 1, after - 1) if after else (before - 1, after + 1)
                    if before or after:
                        new = (*pairs[:i], moved, *pairs[i + 1 :])
                        yield from _set(subject, at, name, new)


@kind("attention sees too much")
def causal_lost(subject: Subject) -> Iterator[Site]:
    """A causal attention that looks ahead."""
    for at in _parts_of(subject):
        if at.field("causal") is True:
            yield from _set(subject, at, "causal", False)
