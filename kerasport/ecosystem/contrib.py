"""Layers of keras-contrib."""

from __future__ import annotations

from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

_TRAINED = " ".join(
    f"{role}_{what}" for role in ("gamma", "beta") for what in ("initializer", "regularizer", "constraint")
)


@compose("InstanceNormalization", ignored=_TRAINED, mask="carried")
def instance_normalization(layer: CustomLayer, x: Tensor) -> Tensor:
    """``gamma * (x - mean) / (deviation + epsilon) + beta`` of each sample, or of each sample's channels."""
    axis = None if layer.config.get("axis") is None else layer.config.integer("axis") % x.rank
    over = [place for place in range(1, x.rank) if place != axis]
    shape = [1] * x.rank
    if axis is not None:
        shape[axis] = x.shape[axis] or 0
    centered = x - ops.mean(x, axis=over, keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(centered), axis=over, keepdims=True))
    y = centered / (deviation + layer.config.number("epsilon"))
    if layer.config.flag("scale"):
        y = y * ops.reshape(layer.weight("gamma", (max(shape),)), shape)
    return y + ops.reshape(layer.weight("beta", (max(shape),)), shape) if layer.config.flag("center") else y


@compose("SineReLU", mask="carried")
def sine_relu(layer: CustomLayer, x: Tensor) -> Tensor:
    """``max(x, epsilon * (sin(x) - cos(x)))``."""
    return ops.maximum(x, (ops.sin(x) - ops.cos(x)) * layer.config.number("epsilon"))


@compose("Swish", mask="carried")
def swish(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x * sigmoid(beta * x)``, with a beta that was learned where the layer is trainable."""
    if not layer.config.flag("trainable"):
        return x * ops.sigmoid(x * layer.config.number("beta"))
    layer.config.ignore("beta")
    return x * ops.sigmoid(x * layer.weight("scaling_factor", ()))


@compose("SubPixelUpscaling")
def sub_pixel_upscaling(layer: CustomLayer, x: Tensor) -> Tensor:
    """Channels become pixels: TensorFlow's ``depth_to_space``."""
    if layer.config.get("data_format") == "channels_first":
        raise refuse("data_format='channels_first' is not supported")
    return ops.depth_to_space(x, layer.config.integer("scale_factor"))
