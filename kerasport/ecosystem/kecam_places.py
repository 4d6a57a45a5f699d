"""Layers of keras_cv_attention_models (kecam) that tell places: numbers by position, rotations, and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse


@compose("kecam/gpt2>PositionalIndex", mask="dropped")
def positional_index(layer: CustomLayer, ids: Tensor) -> Tensor:
    """The number of each step."""
    steps, most = ids.shape[-1], layer.config.integer("block_size")
    if steps is None or steps > most:
        raise refuse(f"{steps or 'an unknown number of'} steps where its table has {most} is not supported")
    return layer.constant(np.arange(steps)[None], "int64")


@compose("kecam/gpt2>CausalMask", mask="dropped")
def causal_mask(layer: CustomLayer, scores: Tensor) -> Tensor:
    """The scores, lowered for what is behind the query's own step."""
    _without_cache(layer)
    queries, keys = _sizes(scores, 2, 3)
    layer.config.integer("block_size")
    return scores + np.triu(np.full((queries, keys), -65504.0, np.float32), 1)


def _without_cache(layer: CustomLayer) -> None:
    if layer.config.flag("is_kv_cache"):
        raise refuse("is_kv_cache=True is not supported; save the model as it is without a cache")


def _sizes(x: Tensor, *axes: int) -> list[int]:
    found = [x.shape[axis] for axis in axes]
    if None in found:
        raise refuse(f"an unknown size in its input's shape {x.shape} is not supported")
    return [size or 0 for size in found]


@compose("kecam/llama2>PositionalEncodingFourierRot1D", mask="dropped")
def rotation(layer: CustomLayer, x: Tensor) -> Tensor:
    """Pairs of features, one from each half, turned by angles that grow with the step: (..., steps, heads, 2, size)."""
    _without_cache(layer)
    steps, size = _sizes(x, -4, -1)
    if steps > layer.config.integer("max_block_size"):
        raise refuse(f"{steps} steps do not fit into its table")
    rates = layer.config.number("temperature") ** -(np.arange(size) / size)
    angles = (np.arange(steps)[:, None] * rates)[:, None]
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    left, right = x[..., 0, :], x[..., 1, :]
    return ops.stack([left * cos - right * sin, right * cos + left * sin], axis=-2)


@compose("beit>PositionalEncodingFourierRot", mask="dropped")
def rotation_of_patches(layer: CustomLayer, x: Tensor) -> Tensor:
    """Neighbouring features, turned by angles that grow with a patch's row and column; a first token stays."""
    config = layer.config
    steps, channels = _sizes(x, -2, -1)
    first, last = int(config.flag("with_cls_token")), config.integer("num_reg_tokens", 0)
    heads, height = config.integer("num_heads"), config.integer("attn_height")
    patches, heads = steps - first - last, max(heads, 1)
    rows = int(patches**0.5) if height == -1 else height
    angles = [np.zeros((first, channels))]
    for count, edge, prefix in ((patches, rows, ""), (last, int(last**0.5), "reg_")):
        temperature = config.number(f"{prefix}temperature", 100 if prefix else 1e4)
        reference = config.get(f"{prefix}ref_feature_shape", 14 if prefix else 16)
        if count:
            angles.append(_turns(edge, count // edge, reference, temperature, channels // heads, heads))
    whole = np.concatenate(angles)
    turned = ops.reshape(x, (-1, *_sizes(x, *range(1, x.rank - 1)), channels // 2, 2))
    turned = ops.reshape(ops.stack([-turned[..., 1], turned[..., 0]], axis=-1), (-1, *_sizes(x, *range(1, x.rank))))
    return x * np.cos(whole).astype(np.float32) + turned * np.sin(whole).astype(np.float32)


def _turns(
    height: int, width: int, reference: int | None, temperature: float, size: int, heads: int
) -> NDArray[np.float64]:
    """The angles of each patch: half of the features by its row, half by its column."""
    half = size // 2
    rates = np.repeat(temperature ** -(np.arange(0, half, 2) / half), 2)
    scales = [reference / edge if reference and reference > 0 else 1.0 for edge in (height, width)]
    lines = [np.arange(edge)[:, None] * scale * rates for edge, scale in zip((height, width), scales, strict=True)]
    grid = np.concatenate([np.repeat(lines[0], width, axis=0), np.tile(lines[1], (height, 1))], axis=-1)
    return np.tile(grid, (1, heads))


@compose("kecam/edgenext>PositionalEncodingFourier", mask="dropped")
def fourier(layer: CustomLayer, x: Tensor) -> Tensor:
    """Sines and cosines of each pixel's row and column, by a linear map, added."""
    height, width, channels = _sizes(x, 1, 2, 3)
    filters = layer.config.integer("filters")
    rates = layer.config.number("temperature") ** -(2 * (np.arange(filters) // 2) / filters)
    shifts = np.arange(filters) % 2 * np.pi / 2
    rows, columns = (
        np.sin((np.arange(edge)[:, None] + 1) / (edge + 1e-6) * 2 * np.pi * rates + shifts) for edge in (height, width)
    )
    grid = np.concatenate([np.repeat(rows, width, axis=0), np.tile(columns, (height, 1))], axis=-1)
    waves = layer.constant(grid.reshape(height, width, -1).astype(np.float32), "float32")
    return x + (waves @ layer.weight("ww", (2 * filters, channels)) + layer.weight("bb", (channels,)))


@compose("kecam>SinusoidalTimeStepEmbedding", mask="dropped")
def time_steps(layer: CustomLayer, steps: Tensor) -> Tensor:
    """Cosines and sines of whole numbers below a period, at falling rates."""
    half, period = layer.config.integer("hidden_channels") // 2, layer.config.integer("max_period")
    rates = np.exp(-np.log(period) * np.arange(half) / half).astype(np.float32)
    angles = ops.expand_dims(ops.cast(steps, "float32"), -1) * rates
    return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)


def _relative(height: int, width: int) -> NDArray[np.int64]:
    """For two places each, which relative position in a table of all is theirs; places go by columns."""
    down, across = (np.ravel(line) for line in np.meshgrid(range(height), range(width)))
    rows, columns = (line[:, None] - line[None] for line in (down, across))
    places: NDArray[np.int64] = rows + height - 1 + (columns + width - 1) * (2 * height - 1)
    return places


def _edges(count: int, height: int) -> tuple[int, int]:
    height = int(count**0.5) if height == -1 else height
    return height, count // height


@compose("beit>MultiHeadRelativePositionalEmbedding", mask="dropped")
def relative_places(layer: CustomLayer, scores: Tensor) -> Tensor:
    """A learned number for each head and relative position, added to attention's scores."""
    heads, queries, keys = _sizes(scores, 1, 2, 3)
    token = int(layer.config.flag("with_cls_token"))
    given = layer.config.integer("num_heads")
    height, width = _edges(queries - token, layer.config.integer("attn_height"))
    count = (2 * height - 1) * (2 * width - 1) + 3 * token
    places = _relative(height, width)[:, -(keys - token) :]
    if token:
        places = np.pad(places, [[1, 0], [1, 0]])
        places[0], places[:, 0], places[0, 0] = count - 3, count - 2, count - 1
    table = layer.weight("positional_embedding", (heads if given == -1 else given, count))
    return scores + ops.take(table, places.tolist(), axis=1)


@compose("kecam>MlpPairwisePositionalEmbedding", mask="dropped")
def pairwise_places(layer: CustomLayer, x: Tensor) -> Tensor:
    """What a small net makes of the logarithms of relative positions, or of places, added."""
    config, keys = layer.config, ("attn_height", "attn_width", "pos_scale")
    hidden, (height, width, scale) = config.integer("hidden_dim"), (config.get(key) for key in keys)
    if config.flag("is_deploy_mode"):
        config.flag("use_absolute_pos")
        return x + layer.weight("deploy_bias", (1, *x.shape[1:]), trainable=False)
    by_place = config.flag("use_absolute_pos")
    steps = _sizes(x, -2)[0]
    if by_place and x.rank == 4:
        height, width = _sizes(x, 1, 2)
    else:
        height, side = _edges(steps, height)
        width = side if by_place or width == -1 else width
    grid = _places(height, width) if by_place else _distances(height, width, scale)
    grid = grid.reshape(height, width, 2) if by_place and x.rank == 4 else grid
    first = layer.constant(grid.astype(np.float32)) @ layer.weight("hidden_weight", (2, hidden))
    first = ops.relu(first + layer.weight("hidden_bias", (hidden,)))
    found = first @ layer.weight("out", (hidden, x.shape[-1] if by_place else x.shape[1]))
    if by_place:
        return x + found
    bias = ops.sigmoid(ops.take(found, _relative(height, width).tolist(), axis=0)) * 16.0
    before = steps - height * width
    return x + ops.transpose(ops.pad(bias, [[before, 0], [before, 0], [0, 0]]) if before else bias, (2, 0, 1))


def _places(height: int, width: int) -> NDArray[np.float64]:
    grid = np.stack(np.meshgrid(range(height), range(width), indexing="ij"), axis=-1)
    places: NDArray[np.float64] = grid / [height // 2, width // 2] - 1
    return places.reshape(-1, 2)


def _distances(height: int, width: int, scale: Any) -> NDArray[np.float64]:
    """All relative positions, with the logarithms of their lengths."""
    scales = [height, width] if scale == -1 else list(scale) if isinstance(scale, list | tuple) else [scale, scale]
    lines = (range(1 - edge, edge) for edge in (height, width))
    grid = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1) * 8 / (np.array(scales, float) - 1)
    apart: NDArray[np.float64] = np.sign(grid) * np.log2(1 + np.abs(grid)) / 3
    return apart.reshape(-1, 2)


@compose("swinv2>PairWiseRelativePositionalEmbedding", mask="dropped")
def pairs(layer: CustomLayer, x: Tensor) -> Tensor:
    """The logarithms of the distances between any two pixels of a window, whatever the input is."""
    height, width = _sizes(x, 1, 2)
    columns, rows = np.meshgrid(range(height), range(width))
    flat = np.stack([rows, columns], axis=-1).reshape(-1, 2)
    apart = flat[:, None] - flat[None]
    return layer.constant((np.sign(apart) * np.log(1.0 + np.abs(apart))).astype(np.float32), "float32")


@compose("kecam>WindowAttentionMask", "swinv2>WindowAttentionMask", mask="dropped")
def window_attention_mask(layer: CustomLayer, scores: Tensor) -> Tensor:
    """The scores within each shifted window, lowered by 100 for pixels that were not neighbours before."""
    sides = ("height", "width")
    edges, windows, shifts = (
        [layer.config.integer(f"{prefix}{side}") for side in sides] for prefix in ("", "window_", "shift_")
    )
    heads, queries = _sizes(scores, 1, 2)
    mask = shifted_windows(edges, windows, shifts)
    parts = ops.reshape(scores, (-1, len(mask), heads, queries, queries)) - mask[:, None].astype(np.float32) * 100.0
    return ops.reshape(parts, (-1, heads, queries, queries))


def shifted_windows(edges: list[int], windows: list[int], shifts: list[int]) -> NDArray[np.bool_]:
    """Which pixels of a window come from different sides of an image that was rolled: (windows, pixels, pixels)."""
    lines = [
        np.searchsorted([edge - window, edge - shift], np.arange(edge), side="right")
        for edge, window, shift in zip(edges, windows, shifts, strict=True)
    ]
    areas = lines[0][:, None] * 3 + lines[1]
    (rows, columns), (high, wide) = [edge // window for edge, window in zip(edges, windows, strict=True)], windows
    areas = areas.reshape(rows, high, columns, wide).transpose(0, 2, 1, 3).reshape(-1, high * wide)
    return areas[:, None] != areas[:, :, None]  # type: ignore[no-any-return]


@compose("levit>MultiHeadPositionalEmbedding", mask="dropped")
def distances(layer: CustomLayer, scores: Tensor) -> Tensor:
    """A learned number for each head and distance of rows and columns, added to attention's scores."""
    queries, keys = _sizes(scores, -2, -1)
    high, wide = _edges(queries, layer.config.integer("query_height"))
    stride = int(np.ceil((keys / queries) ** 0.5))
    tall = layer.config.integer("key_height")
    tall = next(edge for edge in range(high * stride, 0, -1) if keys % edge == 0) if tall == -1 else tall
    (near, far), (down, across) = (
        [np.ravel(line) for line in np.meshgrid(range(rows), range(columns))]
        for rows, columns in ((high, wide), (tall, keys // tall))
    )
    rows, columns = np.abs(down - near[:, None] * stride), np.abs(across - far[:, None] * stride)
    places = (rows + columns * tall).tolist()
    if scores.rank == 3:
        return scores + ops.take(layer.weight("positional_embedding", (keys,)), places, axis=0)
    table = layer.weight("positional_embedding", (keys, scores.shape[1]))
    return scores + ops.transpose(ops.take(table, places, axis=0), (2, 0, 1))


@compose("kecam/nat>MultiHeadRelativePositionalKernelBias", mask="dropped")
def kernel_bias(layer: CustomLayer, scores: Tensor) -> Tensor:
    """A learned number for each head and place in the window around a pixel, added to attention's scores."""
    config, size = layer.config, int((scores.shape[-1] or 0) ** 0.5)
    heads_first, rates = config.flag("is_heads_first"), config.get("dilation_rate", 1)
    heads, blocks = _sizes(scores, *((1, 2) if heads_first else (2, 1)))
    height = config.integer("input_height")
    height = height if height > 0 else int(blocks**0.5)
    rates = [rates, rates] if isinstance(rates, int) else list(rates)
    whole = 2 * size - 1
    lines = [_window_starts(size, edge, rate) for edge, rate in zip((height, blocks // height), rates, strict=True)]
    inner = np.ravel(np.arange(size)[:, None] * whole + np.arange(size))
    places = ((lines[0][:, None] * whole + lines[1])[..., None] + inner).reshape(-1, size**2)[::-1]
    places = places.reshape(len(places), *[1] * (scores.rank - 4), size**2)
    bias = ops.take(layer.weight("positional_embedding", (heads, whole**2)), places.tolist(), axis=1)
    return scores + (bias if heads_first else ops.swapaxes(bias, 0, 1))


def _window_starts(size: int, edge: int, rate: int) -> NDArray[np.int64]:
    """Where in the table the window of each row begins: nearer to the edges of an image it is off the pixel."""
    half, places = size // 2, np.arange(edge)
    before, behind = places // rate, (edge - 1 - places) // rate
    return np.where(before < half, before, np.where(behind < size - half - 1, size - 1 - behind, half))


@compose("botnet>RelativePositionalEmbedding", mask="dropped")
def relative_logits(layer: CustomLayer, x: Tensor) -> Tensor:
    """Scores of each pixel for all rows and columns: (batch, heads, rows, columns, rows, columns)."""
    config, (high, wide, size) = layer.config, _sizes(x, 2, 3, 4)
    rows, columns = (config.integer(f"position_{side}") for side in ("height", "width"))
    columns = columns if columns > 0 else rows
    rows, columns = max(rows, high), max(columns, wide)
    by_place, cuts = config.flag("use_absolute_pos"), config.flag("dynamic_shape")
    found = []
    for role, axis, edge, whole in (("r_height", 2, high, rows), ("r_width", 3, wide, columns)):
        table = layer.weight(role, (size, whole if by_place else 2 * whole - 1))
        scores = x @ table
        if not by_place and whole > 1:
            scores = _by_distance(scores, axis, edge, whole)
        found.append(scores)
    y = ops.expand_dims(found[1], -2) + ops.expand_dims(found[0], -1)
    return y[..., :high, :wide] if cuts else y


def _by_distance(scores: Tensor, axis: int, edge: int, whole: int) -> Tensor:
    """For each place along an axis, the scores of the places around it, of the scores of all distances."""
    lines = ops.split(scores, edge, axis=axis) if edge > 1 else [scores]
    cut = [line[..., whole - 1 - place : 2 * whole - 1 - place] for place, line in enumerate(lines)]
    return ops.concatenate(cut, axis=axis) if edge > 1 else cut[0]
