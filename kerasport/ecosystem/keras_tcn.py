"""The temporal convolutional network of keras-tcn."""

from __future__ import annotations

from collections.abc import Callable

from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

_NORMS = {"use_batch_norm": "BatchNormalization", "use_layer_norm": "LayerNormalization"}
_LISTS = {
    "BatchNormalization": ("batch_norm_layers", "batch_normalization"),
    "LayerNormalization": ("layer_norm_layers", "layer_normalization"),
}


@compose("TCN", ignored="kernel_initializer dropout_rate return_state", mask="dropped")
def tcn(layer: CustomLayer, x: Tensor) -> Tensor:
    """Residual blocks of dilated convolutions; the sum of what they leave out, or the last one; of one step or all."""
    config = layer.config
    filters, dilations = config.get("nb_filters"), list(config.get("dilations"))
    norms = [name for key, name in _NORMS.items() if config.flag(key)]
    if config.get("use_weight_norm", False):
        raise refuse("use_weight_norm=True is not supported")
    options = {key: config.get(key) for key in ("kernel_size", "padding", "activation")} | {
        "norm": next(iter(norms), None)
    }
    y = ops.flip(x, axis=1) if config.flag("go_backwards") else x
    skipped = []
    for place in range(config.integer("nb_stacks") * len(dilations)):
        index = place % len(dilations)
        number = f"_{place}" if place else ""
        block = layer.part(
            f"residual_block_{place}",
            "keras_tcn>ResidualBlock",
            also_at=[f"residual_blocks/residual_block{number}"],
            filters=filters[index] if isinstance(filters, list) else filters,
            dilation_rate=dilations[index],
            **options,
        )
        y, skip = block(y)
        skipped.append(skip)
    if config.flag("use_skip_connections", True):
        y = skipped[0]
        for skip in skipped[1:]:
            y = y + skip
    return y if config.flag("return_sequences") else _one_step(y, config.get("padding"))


def _one_step(x: Tensor, padding: str) -> Tensor:
    """The last step; where padding is "same", the one in the middle."""
    if padding != "same":
        return x[:, -1]
    if x.shape[1] is not None:
        return x[:, x.shape[1] // 2]
    steps = ops.cumsum(ops.ones_like(x[:, :, 0]), axis=1)
    middle = ops.cast(ops.floor(steps[:, -1:] / 2.0), "int32")
    return ops.squeeze(ops.take_along_axis(x, ops.expand_dims(middle, -1), axis=1), axis=1)


@compose("keras_tcn>ResidualBlock", mask="dropped")
def residual_block(layer: CustomLayer, x: Tensor) -> tuple[Tensor, Tensor]:
    """Two dilated convolutions, normalized and activated; with the input added, and without."""
    config, filters = layer.config, layer.config.integer("filters")
    normalize = [_norm(layer, place) for place in range(2)]
    options = {"filters": filters, "kernel_size": config.get("kernel_size"), "padding": config.get("padding")}
    y = x
    convolutions = [
        layer.part(
            f"conv1D_{place}",
            "Conv1D",
            also_at=["layers/conv1d" + ("_1" if place else "")],
            dilation_rate=config.get("dilation_rate"),
            **options,
        )
        for place in range(2)
    ]
    for convolve, norm in zip(convolutions, normalize, strict=True):
        y = layer.activate(norm(convolve(y)))
    y = layer.activate(y)
    if x.shape[-1] != filters:
        at = ["shape_match_conv"]
        x = layer.part("matching_conv1D", "Conv1D", also_at=at, filters=filters, kernel_size=1, padding="same")(x)
    return layer.activate(x + y), y


def _norm(layer: CustomLayer, place: int) -> Callable[[Tensor], Tensor]:
    name = layer.config.get("norm")
    if name is None:
        return lambda x: x
    holder, bare = _LISTS[name]
    bare = f"{bare}_{place}" if place else bare
    return layer.part(f"norm_{place}", name, also_at=[f"{holder}/{bare}", f"layers/{bare}"], epsilon=0.001)
