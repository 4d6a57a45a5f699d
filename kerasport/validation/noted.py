"""How the Keras model was read that an ONNX file was converted from, by what the file notes of it."""

from __future__ import annotations

from pathlib import Path

from kerasport.assembly.sizes import noted
from kerasport.errors import FileError
from kerasport.loading import Reading
from kerasport.validation.skeleton import read_skeleton


def as_converted(onnx_path: Path, reading: Reading) -> Reading:
    """How to read the Keras model: with the input sizes that it was converted with, unless some are given.

    An ONNX file that cannot be read notes none; the comparison tells what is wrong with it.
    """
    if reading.get("input_shape"):
        return reading
    try:
        sizes = noted(read_skeleton(onnx_path).properties)
    except FileError:
        return reading
    return {**reading, "input_shape": sizes} if sizes else reading
