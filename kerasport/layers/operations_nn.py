"""Normalizations and attention, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, register
from kerasport.layers.base import Value, normalize_axis
from kerasport.layers.elementwise import Activated
from kerasport.layers.functions import function
from kerasport.layers.normalization import LocalResponse
from kerasport.layers.operations import binary, choice, then, unary
from kerasport.layers.operations_axes import reduced, variance
from kerasport.layers.operations_convolutions import is_channels_first
from kerasport.layers.operators import FilledLike, Join
from kerasport.layers.ops import Logical, NotEqualTo, Unchanged
from kerasport.layers.products import Einsum, Gather
from kerasport.layers.shaping import Band, Reshape

_EPSILON = 1e-7  # keras.config.epsilon()
_LARGE_NEGATIVE = -0.7 * 3.38953e38  # what dot_product_attention puts in place of a masked score


@register("tf.nn.bias_add")
def _bias_add(call: Arguments) -> Step:
    x, bias = call.tensor("value", 0), call.operand("bias", 1)
    if is_channels_first(call, 2) and x.type.rank > 2:
        bias = _along(call, bias, x, (1,))
    return binary(call, "add", x, bias)


@register("tf.nn.crelu")
def _crelu(call: Arguments) -> Step:
    x, axis = call.tensor("features", 0), call.axis(2)
    both = call.emit(Join(axis=axis), x, then(call, unary(call, "negative", x)))
    return Step(Activated(activation=function("relu")), (both,))


def _softmax(name: str) -> Parser:
    def parse(call: Arguments) -> Step:
        """An activation over one axis; over all, the batch included, from ``x - logsumexp(x)``."""
        x, axis = call.floating(call.tensor("x", 0)), call.get("axis", None, -1)
        if axis is not None:
            return Step(Activated(activation=function({"function": name, "axis": axis})), (x,))
        log = binary(call, "subtract", x, then(call, reduced(call, "logsumexp", x, None, keepdims=True)))
        return log if name == "log_softmax" else unary(call, "exp", then(call, log))

    return parse


register("Softmax")(_softmax("softmax"))
register("LogSoftmax")(_softmax("log_softmax"))


@register("tf.nn.silu")
def _silu(call: Arguments) -> Step:
    x, beta = call.floating(call.tensor("features", 0)), call.number("beta", 1, 1.0)
    gate = call.emit(Activated(activation=function("sigmoid")), then(call, binary(call, "multiply", x, beta)))
    return binary(call, "multiply", x, gate)


@register("tf.nn.dropout")
def _dropout(call: Arguments) -> Step:
    x, rate = call.tensor("x", 0), call.number("rate", 1)
    if rate:
        raise LayerError(f"it drops values at random (rate={rate}) at inference, too", "use a Dropout layer instead")
    for name in ("noise_shape", "seed"):
        call.get(name)
    return Step(Unchanged(), (x,))


@register("tf.nn.local_response_normalization")
def _local_response(call: Arguments) -> Step:
    defaults = {"bias": 1.0, "alpha": 1.0, "beta": 0.5}
    found = {name: call.number(name, i, default) for i, (name, default) in enumerate(defaults.items(), 2)}
    return Step(
        LocalResponse(radius=call.integer("depth_radius", 1, 5), **found), (call.floating(call.tensor("input", 0)),)
    )


@register("LayerNorm")
def _layer_norm(call: Arguments) -> Result:
    x, axes = call.floating(call.tensor("x", 0)), _axes(call)
    power = then(call, variance(call, x, axes, keepdims=True))
    if not call.flag("rms_scaling"):  # which divides by the deviation alone
        x = then(call, binary(call, "subtract", x, then(call, reduced(call, "mean", x, axes, keepdims=True))))
    beta = None if call.flag("rms_scaling") else call.get("beta", 2)
    return _scaled(call, x, power, _along(call, call.get("gamma", 1), x, axes), _along(call, beta, x, axes))


@register("RMSNorm")
def _rms_norm(call: Arguments) -> Result:
    x = call.floating(call.tensor("x", 0))
    squares = then(call, unary(call, "square", x))
    power = then(call, reduced(call, "mean", squares, _axes(call), keepdims=True))
    return _scaled(call, x, power, _operand(call, "scale", 1))


@register("BatchNorm")
def _batch_norm(call: Arguments) -> Result:
    x, axis = call.floating(call.tensor("x", 0)), call.axis(None)
    mean, power, offset, scale = (
        _along(call, call.get(name, i), x, (normalize_axis(axis, x.type.rank),))
        for i, name in enumerate(("mean", "variance", "offset", "scale"), 1)
    )
    centered = then(call, binary(call, "subtract", x, mean))
    return _scaled(call, centered, power, scale, offset, call.number("epsilon", default=1e-3))


@register("tf.nn.batch_normalization")
def _plain_batch_norm(call: Arguments) -> Result:
    """Unlike Keras's, without an axis: everything broadcasts."""
    x, names = call.floating(call.tensor("x", 0)), ("mean", "variance", "offset", "scale")
    mean, power, offset, scale = (_operand(call, name, i) for i, name in enumerate(names, 1))
    centered = then(call, binary(call, "subtract", x, mean))
    return _scaled(call, centered, power, scale, offset, call.number("variance_epsilon", 5))


def _operand(call: Arguments, name: str, position: int) -> Any:
    """An operand, None where it is left out."""
    return None if call.get(name, position) is None else call.operand(name, position)


def _axes(call: Arguments) -> tuple[int, ...]:
    return call.integers("axis", None, -1)


def _along(call: Arguments, raw: Any, x: Value, axes: Sequence[int]) -> Value | None:
    """Parameters shaped to lie along some axes of x; those with as many axes as x stay, and None is nothing."""
    if raw is None:
        return None
    value = raw if isinstance(raw, Value) else call.value(raw)
    places = sorted(normalize_axis(axis, x.type.rank) for axis in axes)
    if value.type.rank == x.type.rank or places == [x.type.rank - 1]:
        return value
    shape = [x.type.shape[axis] if axis in places else 1 for axis in range(x.type.rank)]
    return call.emit(Reshape(shape=tuple(-1 if dim is None else dim for dim in shape)), value)


def _scaled(
    call: Arguments, x: Value, power: Any, scale: Any, offset: Any = None, epsilon: float | None = None
) -> Step:
    """``x / sqrt(power + epsilon) * scale + offset``."""
    if epsilon is None:
        given = call.get("epsilon")
        epsilon = _EPSILON if given is None else float(given)
    inverse = then(call, unary(call, "rsqrt", then(call, _sum(call, power, epsilon))))
    result = binary(call, "multiply", x, inverse)
    if scale is not None:
        result = binary(call, "multiply", then(call, result), scale)
    return result if offset is None else binary(call, "add", then(call, result), offset)


def _sum(call: Arguments, power: Any, epsilon: float) -> Step:
    return binary(call, "add", power if isinstance(power, Value) else call.floating(call.value(power)), epsilon)


@register("DotProductAttention")
def _attention(call: Arguments) -> Step:
    query, key, value = (call.floating(call.tensor(n, i)) for i, n in enumerate(("query", "key", "value")))
    if {query.type.rank, key.type.rank, value.type.rank} != {4}:
        raise LayerError("attention of tensors of other than 4 axes is not supported")
    call.get("flash_attention")  # says how it is computed, not what
    key, value = (_for_each_head(call, x, query.type.shape[2]) for x in (key, value))
    scale = call.get("scale", 5)
    scores = call.emit(Einsum(terms=("bqhd", "bkhd"), output="bhqk"), query, key)
    width = (query.type.shape[-1] or 0) ** -0.5
    scores = then(call, binary(call, "multiply", scores, width if scale is None else call.operand("scale", 5)))
    if call.get("bias", 3) is not None:
        scores = then(call, binary(call, "add", scores, call.operand("bias", 3)))
    kept = _kept(call, scores)
    if kept is not None:
        scores = then(call, choice(call, kept, scores, _LARGE_NEGATIVE))
    weights = call.emit(Activated(activation=function({"function": "softmax", "axis": -1})), scores)
    return Step(Einsum(terms=("bhqk", "bkhd"), output="bqhd"), (weights, value))


def _for_each_head(call: Arguments, x: Value, heads: int | None) -> Value:
    """Keys or values repeated, each as often as the next, where there are fewer of them than heads of the query."""
    own = x.type.shape[2]
    if own == heads or own is None or heads is None:
        return x
    if heads % own:
        raise LayerError(f"{heads} heads for {own} keys are not supported")
    return call.emit(Gather(axis=2), x, call.value([head // (heads // own) for head in range(heads)]))


def _kept(call: Arguments, scores: Value) -> Value | None:
    """Which scores count: the mask's, and those up to the diagonal."""
    mask = None if call.get("mask", 4) is None else call.cast(call.tensor("mask", 4), "bool")
    if not call.flag("is_causal"):
        return mask
    steps, keys = scores.type.shape[-2:]
    if steps is None or keys is None:
        ones = call.emit(FilledLike(value=1.0), scores)
        before = call.emit(NotEqualTo(value=0.0), call.emit(Band(upper=0), ones))
    else:
        before = call.value(np.tri(steps, keys, dtype=bool).tolist())
    return before if mask is None else call.emit(Logical(function="and"), before, mask)
