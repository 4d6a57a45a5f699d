"""Layers that compute spectrograms of audio."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Dim, Shape, Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.spatial import Window

EPSILON = 1e-7  # keras.config.epsilon()
_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


@LAYERS.register("STFTSpectrogram", ignored="window periodic scaling")
@frozen
class STFTSpectrogram(Spec):
    """The short-time Fourier transform of each channel; window and scaling are in the weights.

    Attributes:
        mode: "real", "imag", "angle", "stft" (real, then imaginary parts), "psd" (the squared magnitude, twice for all
            frequencies but the first and last), "magnitude" (``sqrt(max(square, 1e-7))``), or "log" of that.
        frame_length: The length of a frame.
        frame_step: The distance of frames.
        frequencies: How many there are: half the length of the transform, and 1.
        padding: "valid" or "same".
        expands: Whether frequencies and channels have an axis each.
        channels_first: Whether the input is (batch, channels, time).
    """

    contracts: ClassVar[bool] = True

    mode: str
    frame_length: int
    frame_step: int
    frequencies: int
    padding: str = "valid"
    expands: bool = False
    channels_first: bool = False
    carries_mask: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: mode, frame_length, frame_step, fft_length, padding, expand_dims, data_format."""
        length = config.integer("frame_length")
        step, size = (config.get(key, None) for key in ("frame_step", "fft_length"))
        whole = config.integer("fft_length") if size else 1 << max(length - 1, 0).bit_length()
        return cls(
            mode=config.choice("mode", _MODES, "log"),
            frame_length=length,
            frame_step=config.integer("frame_step") if step else length // 2,
            frequencies=whole // 2 + 1,
            padding=config.choice("padding", ("valid", "same"), "valid"),
            expands=config.flag("expand_dims"),
            channels_first=config.channels_first(),
        )

    @property
    def window(self) -> Window:
        """A frame."""
        return Window(self.frame_length, self.frame_step)

    @property
    def parts(self) -> tuple[str, ...]:
        """The roles of the kernels that the mode needs."""
        return tuple(f"{part}_kernel" for part in ("real", "imag") if self.mode not in {"real", "imag"} - {part})

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Each kernel (frame_length, 1, frequencies)."""
        return dict.fromkeys(self.parts, (self.frame_length, 1, self.frequencies))

    def sizes(self, x: TensorType) -> tuple[Dim, Dim]:
        """The numbers of samples and channels."""
        if x.rank != 3:
            raise LayerError(f"its input has {x.rank} axes where 3 are needed")
        return (x.shape[2], x.shape[1]) if self.channels_first else (x.shape[1], x.shape[2])

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, frames, channels * frequencies) or (batch, frames, frequencies, channels); channels first as well."""
        x = inputs[0]
        samples, channels = self.sizes(x)
        if channels is None:
            raise LayerError("an unknown number of channels is not supported")
        frames = self.window.output_length(samples, self.padding)
        found = self.frequencies * (2 if self.mode == "stft" else 1)
        if self.expands:
            rest: Shape = (channels, frames, found) if self.channels_first else (frames, found, channels)
        else:
            rest = (channels * found, frames) if self.channels_first else (frames, channels * found)
        return x.with_shape((x.shape[0], *rest))


@LAYERS.register("MelSpectrogram")
@frozen
class MelSpectrogram(Spec):
    """The magnitudes of a Fourier transform of overlapping frames, summed to bands of the mel scale.

    The sound is mirrored beyond its ends, so that the first frame has its first sample in the middle.

    Attributes:
        fft_length: The length of frames.
        stride: Their distance.
        window: What each frame is multiplied by, as long as a frame.
        sampling_rate: Samples a second.
        bands: The number of bands.
        edges: The lowest and the highest frequency of all bands.
        exponent: Of the magnitudes.
        decibels: Whether the results are ``10 * log10(max(power, least) / reference)``, and not more than ``range``
            below the largest one of the whole batch.
        least: The smallest power.
        reference: The power of 0 dB.
        range: In decibels.
    """

    contracts: ClassVar[bool] = True

    fft_length: int
    stride: int
    window: tuple[float, ...]
    sampling_rate: float
    bands: int
    edges: tuple[float, float]
    exponent: float = 2.0
    decibels: bool = True
    least: float = 1e-10
    reference: float = 1.0
    range: float = 80.0
    carries_mask: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys, all of them."""
        size = config.integer("fft_length", 2048)
        length = config.integer("sequence_length", size) if config.get("sequence_length", None) else size
        rate, highest = config.number("sampling_rate", 16000), config.optional_number("max_freq")
        return cls(
            fft_length=size,
            stride=config.integer("sequence_stride", 512),
            window=_window(config.get("window", "hann"), length, size),
            sampling_rate=rate,
            bands=config.integer("num_mel_bins", 128),
            edges=(config.number("min_freq", 20.0), highest or float(int(rate / 2))),
            exponent=config.number("mag_exp", 2.0),
            decibels=config.flag("power_to_db", True),
            least=config.number("min_power", 1e-10),
            reference=max(abs(config.number("ref_power", 1.0)), config.number("min_power", 1e-10)),
            range=config.number("top_db", 80.0),
        )

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, samples) or (batch, channels, samples) to (..., bands, frames)."""
        x = inputs[0]
        if x.rank not in (2, 3) or None in x.shape[1:-1]:
            raise LayerError(f"its input has the shape {x.shape} where (batch, samples) is needed")
        samples = x.shape[-1]
        around = None if samples is None else samples + self.fft_length // 2 * 2
        frames = Window(self.fft_length, self.stride).output_length(around, "valid")
        return x.with_shape((*x.shape[:-1], self.bands, frames))

    def matrix(self) -> NDArray[np.float32]:
        """The weights (frequencies, bands) of HTK's triangles, in the roundings of float32 that Keras has."""
        nyquist = np.float32(self.sampling_rate) / np.float32(2)
        frequencies = np.linspace(0, nyquist, self.fft_length // 2 + 1, dtype=np.float32)[1:]
        places = _mel(frequencies)[:, None]
        low, high = (_mel(np.float32(edge)) for edge in self.edges)
        points = np.linspace(low, high, self.bands + 2, dtype=np.float32)
        left, middle, right = points[:-2], points[1:-1], points[2:]
        slopes = np.minimum((places - left) / (middle - left), (right - places) / (right - middle))
        return np.pad(np.maximum(slopes, 0), [(1, 0), (0, 0)]).astype(np.float32)


def _mel(hertz: Any) -> Any:
    return np.float32(1127.0) * np.log(np.float32(1) + hertz / np.float32(700.0))


def _window(raw: Any, length: int, size: int) -> tuple[float, ...]:
    """The window in the middle of a frame; None is all of it. TensorFlow's is periodic only if its length is even."""
    if raw is None:
        return (1.0,) * size
    steps = np.arange(length) / max(length - length % 2, 1)
    shapes = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}
    if isinstance(raw, str) and raw in shapes:
        high, low = shapes[raw]
        values = high - low * np.cos(2 * np.pi * steps)
    elif isinstance(raw, list) and len(raw) == length:
        values = np.asarray(raw, np.float64)
    else:
        raise LayerError(f"window={str(raw)[:40]!r} is not supported")
    before = (size - length) // 2
    return tuple(np.pad(values, (before, size - length - before)).tolist())
