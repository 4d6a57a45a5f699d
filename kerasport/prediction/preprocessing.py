"""The scaling of pixels that the models of keras.applications were trained with: ``preprocess_input``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from kerasport.errors import OptionError
from kerasport.imagenet import DEVIATIONS_RGB, MEANS_BGR, MEANS_RGB
from kerasport.prediction.rows import Array, Rows
from kerasport.runtime.sessions import Port

_TRAINED = (
    "caffe: VGG, ResNet; tf: Inception, Xception, MobileNet, MobileNetV2, NASNet, ResNetV2; torch: DenseNet; none:"
    " those that scale within themselves, as EfficientNet, ConvNeXt, MobileNetV3; 0-1: those trained on pixels / 255"
)


def preprocess(array: Array, mode: str, channels_last: bool = True) -> Array:
    """Pixels from 0 to 255 as a model was trained to take them, in float32.

    "caffe" gives BGR less ImageNet's means; "tf" ``x / 127.5 - 1``; "torch" ``x / 255``, less ImageNet's means, by its
    deviations; "0-1" ``x / 255``; "none" the pixels themselves. The first three are those of
    ``keras.applications.imagenet_utils.preprocess_input``.

    Args:
        array: (rows, height, width, channels), or channels first.
        mode: One of ``data_options.PREPROCESS``.
        channels_last: Whether the channels are the last axis.
    """
    found = array.astype(np.float32)  # a copy, for all below is in place
    if mode == "tf":
        found /= 127.5
        found -= 1.0
    elif mode in ("torch", "0-1"):
        found /= 255.0
    axis = -1 if channels_last else 1
    if mode == "caffe":
        found = np.flip(found, axis)
        found -= _along(MEANS_BGR, axis, found.ndim)
    elif mode == "torch":
        found -= _along(MEANS_RGB, axis, found.ndim)
        found /= _along(DEVIATIONS_RGB, axis, found.ndim)
    return found


def preprocessing(ports: Sequence[Port], mode: str) -> Callable[[Rows], Rows]:
    """A step that scales the images among the columns.

    Raises:
        OptionError: No input takes images, or not of three channels where the mode is made for these.
    """
    images = {port.name: _channels_last(port) for port in ports if len(port.shape) == 4 and port.dtype != "str"}
    if not images:
        raise OptionError(f"--preprocess {mode}: no input of the model takes images.")
    for port in ports:
        if port.name in images and mode in ("caffe", "torch") and 3 not in (port.shape[-1], port.shape[1]):
            raise OptionError(f"--preprocess {mode} is for three channels; the input {port.name!r} is {port.shape}.")

    def step(rows: Rows) -> Rows:
        columns = {
            name: preprocess(array, mode, images[name]) if name in images else array
            for name, array in rows.columns.items()
        }
        return replace(rows, columns=columns)

    return step


def unsaid(name: str) -> OptionError:
    """The error that images are given, and nothing is said of how the model wants them scaled."""
    what = f"{name} has images, but the model's file does not say how their pixels are scaled."
    return OptionError(what, f"Say it with --preprocess ({_TRAINED}).")


def _along(values: Sequence[float], axis: int, rank: int) -> Array:
    shape = [1] * rank
    shape[axis] = len(values)
    return np.array(values, np.float32).reshape(shape)


def _channels_last(port: Port) -> bool:
    return port.shape[3] in (1, 3, 4) or port.shape[1] not in (1, 3, 4)
