"""Losses and similarity measures as operations, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

import math

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Step, register
from kerasport.layers.base import Value
from kerasport.layers.elementwise import Activated
from kerasport.layers.functions import function
from kerasport.layers.operations import binary, choice, then, unary
from kerasport.layers.operations_axes import reduced
from kerasport.layers.ops import Logical
from kerasport.layers.products import OneHot
from kerasport.layers.shaping import Squeeze

_EPSILON = 1e-7  # keras.config.epsilon()


def _pair(call: Arguments, first: str, second: str) -> tuple[Value, Value]:
    return call.floating(call.tensor(first, 0)), call.floating(call.tensor(second, 1))


def _clipped(call: Arguments, x: Value) -> Value:
    return then(call, unary(call, "clip", x, _EPSILON, 1 - _EPSILON))


def _negative_sum(call: Arguments, terms: Step, axis: int) -> Step:
    return unary(call, "negative", then(call, reduced(call, "sum", then(call, terms), (axis,))))


def _of_logits(call: Arguments, target: Value, logits: Value, axis: int) -> Step:
    """``-sum(target * log(softmax(logits)))``."""
    chosen = function({"function": "log_softmax", "axis": axis})
    return _negative_sum(call, binary(call, "multiply", target, call.emit(Activated(activation=chosen), logits)), axis)


@register("CategoricalCrossentropy", "tf.keras.backend.categorical_crossentropy")
def _categorical(call: Arguments) -> Step:
    target, output = _pair(call, "target", "output")
    axis = call.axis(3)
    if call.flag("from_logits", 2):
        return _of_logits(call, target, output, axis)
    total = then(call, reduced(call, "sum", output, (axis,), keepdims=True))
    shares = _clipped(call, then(call, binary(call, "divide", output, total)))
    return _negative_sum(call, binary(call, "multiply", target, then(call, unary(call, "log", shares))), axis)


@register("SparseCategoricalCrossentropy")
def _sparse_categorical(call: Arguments) -> Step:
    target, output = call.tensor("target", 0), call.floating(call.tensor("output", 1))
    if call.axis(3) not in (-1, output.type.rank - 1) or call.get("ignore_class") is not None:
        raise LayerError("another axis than the last, or ignore_class, is not supported")
    if not call.flag("from_logits", 2):
        output = then(call, unary(call, "log", _clipped(call, output)))
    if target.type.rank == output.type.rank and target.type.shape[-1] == 1:
        target = call.emit(Squeeze(axes=(-1,)), target)
    return _of_logits(call, _one_hot(call, target, output), output, -1)


def _one_hot(call: Arguments, target: Value, output: Value) -> Value:
    depth = output.type.shape[-1]
    if depth is None:
        raise LayerError("an unknown number of classes is not supported")
    return call.emit(OneHot(depth=depth), call.cast(target, "int64"))


@register("BinaryCrossentropy")
def _binary(call: Arguments) -> Step:
    target, output = _pair(call, "target", "output")
    if call.flag("from_logits", 2):
        return _of_sigmoid(call, target, output)
    shares = _clipped(call, output)
    parts = []
    for side, share in ((target, shares), (_rest(call, target), _rest(call, shares))):
        parts.append(then(call, binary(call, "multiply", side, then(call, unary(call, "log", share)))))
    return unary(call, "negative", then(call, binary(call, "add", *parts)))


def _rest(call: Arguments, x: Value) -> Value:
    return then(call, binary(call, "subtract", 1.0, x))


def _of_sigmoid(call: Arguments, target: Value, logits: Value) -> Step:
    """``softplus(logits) - target * logits``."""
    whole = call.emit(Activated(activation=function("softplus")), logits)
    return binary(call, "subtract", whole, then(call, binary(call, "multiply", target, logits)))


@register("tf.nn.softmax_cross_entropy_with_logits")
def _softmax(call: Arguments) -> Step:
    target, logits = _pair(call, "labels", "logits")
    return _of_logits(call, target, logits, call.axis(2))


@register("tf.nn.sparse_softmax_cross_entropy_with_logits")
def _sparse_softmax(call: Arguments) -> Step:
    target, logits = call.tensor("labels", 0), call.floating(call.tensor("logits", 1))
    return _of_logits(call, _one_hot(call, target, logits), logits, -1)


@register("tf.nn.sigmoid_cross_entropy_with_logits")
def _sigmoid(call: Arguments) -> Step:
    return _of_sigmoid(call, *_pair(call, "labels", "logits"))


@register("tf.nn.weighted_cross_entropy_with_logits")
def _weighted(call: Arguments) -> Step:
    """``(1 - t) * z + (1 + (w - 1) * t) * softplus(-z)`` of targets t, logits z and the weight w of the positive."""
    target, logits = _pair(call, "labels", "logits")
    weight = binary(call, "multiply", target, call.number("pos_weight", 2) - 1)
    weight = binary(call, "add", then(call, weight), 1.0)
    flat = call.emit(Activated(activation=function("softplus")), then(call, unary(call, "negative", logits)))
    linear = then(call, binary(call, "multiply", _rest(call, target), logits))
    return binary(call, "add", linear, then(call, binary(call, "multiply", then(call, weight), flat)))


@register("tf.nn.log_poisson_loss")
def _poisson(call: Arguments) -> Step:
    target, rate = _pair(call, "targets", "log_input")
    if call.flag("compute_full_loss", 2):
        raise LayerError("compute_full_loss is not supported")
    return binary(
        call, "subtract", then(call, unary(call, "exp", rate)), then(call, binary(call, "multiply", rate, target))
    )


@register("tf.keras.metrics.hinge")
def _hinge(call: Arguments) -> Step:
    """``mean(max(1 - t * y, 0))``; where the targets are 0 and 1, those of 0 count as -1."""
    target, output = _pair(call, "y_true", "y_pred")
    hot = call.emit(Logical(function="or"), *(then(call, binary(call, "equal", target, v)) for v in (0.0, 1.0)))
    are_hot = then(call, reduced(call, "all", hot, None))
    signs = then(call, binary(call, "subtract", then(call, binary(call, "multiply", target, 2.0)), 1.0))
    target = then(call, choice(call, are_hot, signs, target))
    margin = _rest(call, then(call, binary(call, "multiply", target, output)))
    return reduced(call, "mean", then(call, binary(call, "maximum", margin, 0.0)), (-1,))


@register("PSNR")
def _psnr(call: Arguments) -> Step:
    """Of all values of all images together."""
    x, y = _pair(call, "x1", "x2")
    return _noise(call, x, y, call.number("max_val", 2), None)


@register("tf.image.psnr")
def _psnr_by_image(call: Arguments) -> Step:
    x, y = _pair(call, "a", "b")
    return _noise(call, x, y, call.number("max_val", 2), (-3, -2, -1))


def _noise(call: Arguments, x: Value, y: Value, largest: float, axes: tuple[int, ...] | None) -> Step:
    """``20 * log10(largest) - 10 * log10(mean squared difference)``."""
    squares = then(call, unary(call, "square", then(call, binary(call, "subtract", x, y))))
    error = then(call, unary(call, "log", then(call, reduced(call, "mean", squares, axes))))
    scaled = then(call, binary(call, "multiply", error, -10 / math.log(10)))
    return binary(call, "add", scaled, 20 * math.log10(largest))
