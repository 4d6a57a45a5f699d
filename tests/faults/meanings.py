"""Faults of meaning, made in the graph of specs before it is exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from random import Random
from typing import Any

import onnx

from kerasport.errors import LayerError
from kerasport.graph import Call, Graph
from kerasport.layers import merge
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


def _calls(subject: Subject) -> Iterator[tuple[Call, str, Frozen, _Rebuild]]:
    for call in subject.graph.calls:
        for path, part, rebuild in _parts(call.spec, _whole, ""):
            yield call, path, part, rebuild


def call_site(subject: Subject, call: Call, changed: Call, what: str, reason: str = "") -> Site:
    """A fault in one call of a layer."""

    def make(_: Random) -> tuple[onnx.ModelProto, frozenset[str]]:
        calls = tuple(changed if each is call else each for each in subject.graph.calls)
        return _exported(subject, replace(subject.graph, calls=calls), [changed])

    return Site(f"{call.name}: {what}", make, reason)


def _exported(subject: Subject, graph: Graph, at_fault: list[Call]) -> tuple[onnx.ModelProto, frozenset[str]]:
    proto = subject.exported(graph)
    return proto, layers_of_calls(graph, proto, at_fault)


def _set(subject: Subject, call: Call, path: str, part: Frozen, rebuild: _Rebuild, **values: Any) -> Iterator[Site]:
    """Other values of a spec's fields, where the layer's type and its weights stay as they are."""
    spec = rebuild(replace(part, **values))
    if _fits(call, spec):
        what = ", ".join(
            f"{path}{name} is {_shown(v)} instead of {_shown(getattr(part, name))}" for name, v in values.items()
        )
        yield call_site(subject, call, replace(call, spec=spec), what)


def _shown(value: Any) -> str:
    if isinstance(value, Function):
        return f"{value.name}({', '.join(f'{k}={v:g}' for k, v in value.parameters)})"
    return str(value)


def _fits(call: Call, spec: Spec) -> bool:
    types = [value.type for value in call.inputs]
    try:
        inferred = spec.infer(*types)
    except (LayerError, ValueError, IndexError):
        return False
    made = inferred if isinstance(inferred, tuple) else (inferred,)
    return [t.shape for t in made] == [v.type.shape for v in call.outputs] and _roles(call, spec) <= _roles(
        call, call.spec
    )


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
    for call, path, part, rebuild in _calls(subject):
        for name, f in _functions(part):
            if f.name in _NEIGHBOURS:
                yield from _set(subject, call, path, part, rebuild, **{name: function(_NEIGHBOURS[f.name])})


@kind("activation with another parameter")
def activation_parameter(subject: Subject) -> Iterator[Site]:
    """hard_sigmoid of Keras 2 and 3, gelu by erf and tanh, leaky slopes of 0.2 and 0.3, and more."""
    for call, path, part, rebuild in _calls(subject):
        for name, f in _functions(part):
            for parameter, other in _PARAMETERS.get(f.name, {}).items():
                changed = other(f[parameter])
                if changed != f[parameter]:
                    new = Function(f.name, tuple(sorted({**dict(f.parameters), parameter: changed}.items())))
                    yield from _set(subject, call, path, part, rebuild, **{name: new})


@kind("epsilon")
def epsilon(subject: Subject) -> Iterator[Site]:
    """1e-3, Keras's, and 1e-5, that of others, taken for each other."""
    for call, path, part, rebuild in _calls(subject):
        value = getattr(part, "epsilon", None)
        if isinstance(value, float):
            yield from _set(subject, call, path, part, rebuild, epsilon=1e-5 if value >= 1e-4 else 1e-3)


@kind("scale or offset dropped")
def affine_dropped(subject: Subject) -> Iterator[Site]:
    """A normalisation without its gamma, or without its beta."""
    for call, path, part, rebuild in _calls(subject):
        for name in ("scale", "center"):
            if getattr(part, name, None) is True:
                yield from _set(subject, call, path, part, rebuild, **{name: False})


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
    for call, path, part, rebuild in _calls(subject):
        dilations, sizes = getattr(part, "dilations", ()), getattr(part, "kernel_size", ())
        if dilations and max(dilations) > 1:
            ones = (1,) * len(dilations)
            spec = rebuild(replace(part, dilations=ones))
            matters = any(d > 1 and size > 1 for d, size in zip(dilations, sizes, strict=True))
            reason = "" if matters else proofs.ONE_POSITION
            yield call_site(subject, call, replace(call, spec=spec), f"{path}dilations {dilations} lost", reason)


@kind("stride lost")
def stride_lost(subject: Subject) -> Iterator[Site]:
    """All strides 1; the output has another shape."""
    for call, path, part, rebuild in _calls(subject):
        strides = getattr(part, "strides", ())
        if strides and max(strides) > 1:
            spec = rebuild(replace(part, strides=(1,) * len(strides)))
            reason = proofs.ONE_OUTPUT if _one_output(call, spec) else ""
            yield call_site(subject, call, replace(call, spec=spec), f"{path}strides {strides} lost", reason)


def _one_output(call: Call, spec: Spec) -> bool:
    """Whether the window has one place on every axis with a stride, with or without that."""
    known = None not in call.outputs[0].type.shape[1:]
    return known and _fits(call, spec) and getattr(spec, "padding", "") == "valid"


@kind("mask ignored")
def mask_ignored(subject: Subject) -> Iterator[Site]:
    """A layer that gets no mask."""
    for call in subject.graph.calls:
        for i, mask in enumerate(call.masks):
            if mask is not None:
                masks = (*call.masks[:i], None, *call.masks[i + 1 :])
                yield call_site(subject, call, replace(call, masks=masks), f"no mask for input {i}")


@kind("masked steps treated otherwise")
def masked_steps(subject: Subject) -> Iterator[Site]:
    """Zeros for masked steps instead of the last output, or the other way round."""
    for call, path, part, rebuild in _calls(subject):
        zero = getattr(part, "zero_masked", None)
        if isinstance(zero, bool) and any(call.masks) and getattr(part, "masked", False):
            yield from _set(subject, call, path, part, rebuild, zero_masked=not zero)


@kind("sequence read backwards")
def go_backwards(subject: Subject) -> Iterator[Site]:
    """``go_backwards`` forgotten, or set."""
    for call, path, part, rebuild in _calls(subject):
        backwards = getattr(part, "go_backwards", None)
        if isinstance(backwards, bool):
            yield from _set(subject, call, path, part, rebuild, go_backwards=not backwards)


@kind("merged otherwise")
def merged(subject: Subject) -> Iterator[Site]:
    """A sum for a mean, the smallest for the largest, and such."""
    for call, path, part, rebuild in _calls(subject):
        other = _MERGES.get(type(part))
        if other is not None and not path:
            spec = other(
                **{field.name: getattr(part, field.name) for field in fields(other) if hasattr(part, field.name)}
            )
            yield call_site(
                subject, call, replace(call, spec=spec), f"{other.__name__} instead of {type(part).__name__}"
            )
        mode = getattr(part, "merge_mode", None)
        modes = {"sum": "ave", "ave": "sum", "mul": "sum"}
        if mode in modes:
            yield from _set(subject, call, path, part, rebuild, merge_mode=modes[mode])


@kind("layer over the wrong axis")
def layer_axis(subject: Subject) -> Iterator[Site]:
    """Another axis of a normalisation, a softmax or a concatenation, for which the shapes are the same."""
    for call, path, part, rebuild in _calls(subject):
        rank = call.inputs[0].type.rank if call.inputs else 0
        axes, axis = getattr(part, "axes", None), getattr(part, "axis", None)
        if isinstance(axes, tuple) and len(axes) == 1:
            for other in range(1, rank):
                if other != axes[0] % rank:
                    yield from _set(subject, call, path, part, rebuild, axes=(other,))
        if isinstance(axis, int) and rank:
            for other in range(1, rank):
                if other != axis % rank:
                    yield from _set(subject, call, path, part, rebuild, axis=other)


@kind("data layout")
def data_layout(subject: Subject) -> Iterator[Site]:
    """Channels taken for the first axis where they are the last, or the other way round."""
    for call, path, part, rebuild in _calls(subject):
        first = getattr(part, "channels_first", None)
        if isinstance(first, bool) and call.inputs[0].type.rank > 2:
            yield from _set(subject, call, path, part, rebuild, channels_first=not first)


@kind("cropped or padded off by one")
def cropping(subject: Subject) -> Iterator[Site]:
    """One position more at the start, and one less at the end."""
    for call, path, part, rebuild in _calls(subject):
        for name in ("cropping", "padding"):
            pairs = getattr(part, name, None)
            if isinstance(pairs, tuple):
                for i, (before, after) in enumerate(pairs):
                    moved = (before + 1, after - 1) if after else (before - 1, after + 1)
                    if before or after:
                        new = (*pairs[:i], moved, *pairs[i + 1 :])
                        yield from _set(subject, call, path, part, rebuild, **{name: new})


@kind("attention sees too much")
def causal_lost(subject: Subject) -> Iterator[Site]:
    """A causal attention that looks ahead."""
    for call, path, part, rebuild in _calls(subject):
        if getattr(part, "causal", None) is True:
            yield from _set(subject, call, path, part, rebuild, causal=False)
