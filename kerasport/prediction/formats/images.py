"""Images, decoded and resized as Keras's ``load_img`` does it: a file a row, in the order of their names."""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasport.errors import InputError, MissingExtraError, OptionError
from kerasport.prediction.formats import IMAGES
from kerasport.prediction.formats.columns import listed
from kerasport.prediction.formats.values import Faults
from kerasport.prediction.location import Location
from kerasport.prediction.preprocessing import unsaid
from kerasport.prediction.rows import Array, Column, Reader, Request, Rows
from kerasport.runtime.sessions import Port

try:
    from PIL import Image
except ImportError as error:
    raise MissingExtraError("Images are read by Pillow.", "images") from error

Image.init()  # registers the formats that are asked for below
FILE = "file"
# Pillow knows more formats, of which some start other programs.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}
# What Pillow raises on files that are not what they say.
_BROKEN = (OSError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, NotImplementedError)
_BROKEN_INSIDE = (EOFError, RuntimeError, AttributeError, struct.error, zlib.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class Picture:
    """How a model takes an image.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 for gray, 3 for RGB, 4 for RGBA.
        channels_first: Whether the channels are the first axis.
        resample: Pillow's filter, by its name in small letters; "nearest" is what ``load_img`` takes.
    """

    height: int
    width: int
    channels: int
    channels_first: bool
    resample: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the array."""
        height, width, channels = self.height, self.width, self.channels
        return (channels, height, width) if self.channels_first else (height, width, channels)

    def load(self, path: Path) -> Array:
        """An image file as ``img_to_array(load_img(path, color_mode, target_size, interpolation))``.

        Raises:
            ValueError: The image has more pixels than Pillow thinks safe.
        """
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or math.inf):
                what = f"it has {image.width}×{image.height} pixels, and Pillow's limit is {Image.MAX_IMAGE_PIXELS:,}"
                raise ValueError(what)
            found = self._colored(image)
            if found.size != (self.width, self.height):
                found = found.resize((self.width, self.height), Image.Resampling[self.resample.upper()])
            array = np.asarray(found, np.float32)
        array = array[:, :, None] if array.ndim == 2 else array
        return array.transpose(2, 0, 1) if self.channels_first else array

    def _colored(self, image: Image.Image) -> Image.Image:
        kept = {1: ("L", "I;16", "I"), 3: ("RGB",), 4: ("RGBA",)}[self.channels]
        if image.mode in kept:
            return image
        if self.channels < 4:
            image.info.pop("transparency", None)  # Pillow warns of it, and it changes no pixel without alpha
        return image.convert(kept[0])


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The reader of an image, or of all images in a folder and in the folders below it."""
    assert location.path is not None  # this format is not read from pipes
    if not location.path.is_dir():
        return [_Images(location.text, [location.path], request)]
    found = (path for path in location.path.rglob("*") if path.suffix.lower() in IMAGES and path.is_file())
    paths = sorted(path for path in found if not path.name.startswith("."))
    if not paths:
        raise InputError(f"{location.text} has no images in it.", f"These are read: {' '.join(IMAGES)}.")
    return [_Images(location.text, paths, request)]


def open_together(name: str, files: Sequence[Location], request: Request) -> Sequence[Reader]:
    """The reader of the images that a pattern names."""
    return [_Images(name, [location.path for location in files if location.path is not None], request)]


class _Images:
    """Some image files."""

    def __init__(self, name: str, paths: Sequence[Path], request: Request) -> None:
        self.name, self.files, self.rows = name, tuple(paths), len(paths)
        port = image_port(name, request.ports)
        if port.dtype != "uint8" and not request.options.get("preprocess"):
            raise unsaid(name)
        self._picture = picture(port, request)
        self._input = port.name
        unknown = [name for name in request.keep if name != FILE]
        if unknown:
            what = f"{name} has images, which have no column {unknown[0]!r}."
            raise InputError(what, f"Their names are copied to the output with --keep-columns {FILE}.")
        kept = [Column(FILE, (), np.dtype("str"))] if request.keep else []
        self.columns = (Column(port.name, self._picture.shape, np.dtype("float32")), *kept)

    def count(self) -> int:
        """The number of images."""
        return self.rows

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """The images in chunks of a size, which are decoded in several threads."""
        stop = self.rows if stop is None else min(stop, self.rows)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for at in range(start, stop, size):
                yield self._chunk(pool, at, self.files[at : min(at + size, stop)])

    def _chunk(self, pool: ThreadPoolExecutor, start: int, paths: Sequence[Path]) -> Rows:
        faults = Faults()
        arrays = np.zeros((len(paths), *self._picture.shape), np.float32)

        def load(row: int) -> None:
            try:
                arrays[row] = self._picture.load(paths[row])
            except (*_BROKEN, *_BROKEN_INSIDE, Warning) as error:
                faults.add(row, f"{paths[row]} is not a readable image: {error}")

        list(pool.map(load, range(len(paths))))
        columns = {self._input: arrays, FILE: np.array([str(path) for path in paths], "str")}
        return Rows(start, {column.name: columns[column.name] for column in self.columns}, faults.bad_rows(start))


def image_port(name: str, ports: Sequence[Port]) -> Port:
    """The only input that takes images.

    Raises:
        InputError: There is none, or there are several.
    """
    found = [port for port in ports if len(port.shape) == 4 and port.dtype != "str"]
    if len(found) == 1:
        return found[0]
    names = listed(port.name for port in found or ports)
    if found:
        raise InputError(f"{name} has images, which any of the inputs {names} takes.", f"Say which: NAME={name}.")
    raise InputError(f"{name} has images, which none of the inputs takes: {names}.")


def picture(port: Port, request: Request) -> Picture:
    """How an input takes images; what it leaves open, the options say."""
    sizes = port.shape[1:]
    channels_first = sizes[2] not in _MODES and sizes[0] in _MODES
    height, width, channels = sizes[1:] + sizes[:1] if channels_first else sizes
    size = request.options.get("image_size", "")
    if size:
        given_height, _, given_width = size.lower().partition("x")
        given = int(given_height), int(given_width or given_height)
        if any(has not in (None, wants) for has, wants in zip((height, width), given, strict=True)):
            raise OptionError(f"--image-size {size}: the input {port.name!r} takes images of {height}×{width}.")
        height, width = given
    if height is None or width is None:
        what = f"The input {port.name!r} takes images of any size."
        raise InputError(what, "Set the size to resize them to: --image-size HEIGHTxWIDTH.")
    if channels not in (None, *_MODES):
        raise InputError(f"The input {port.name!r} takes {channels} channels, which images do not have.")
    return Picture(height, width, channels or 3, channels_first, request.options.get("resample") or "nearest")
