"""The NumPy reference: what Keras computes, in Keras's layout, written independently of the ONNX translation."""

from kerasport.reference.interpreter import run, run_layers
from kerasport.reference.registry import REFERENCE

__all__ = ["REFERENCE", "run", "run_layers"]
