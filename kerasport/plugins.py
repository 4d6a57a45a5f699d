"""The public interface for plugins, which define custom layers.

A plugin is a Python file, passed with ``--plugin my_layers.py`` or ``load(path, plugins=["my_layers.py"])``, or a
module that an installed package registers as an entry point in the group ``kerasport.layers``.
``kerasport scaffold model.h5`` writes its skeleton, and ``kerasport.testing.check_layer`` tests it. Most layers are
composed of Keras's layers and operations:

    from kerasport.plugins import CustomLayer, Tensor, compose, ops

    @compose("ScaledDense", mask="carried")
    def scaled_dense(layer: CustomLayer, x: Tensor) -> Tensor:
        kernel = layer.weight("kernel", (x.shape[-1], layer.config.integer("units")))
        return layer.activate(x @ kernel) * layer.config.number("scale")

``layer.stored`` has the shapes of the weights in the file, for sizes that the config does not tell.

``compose`` registers such a function, ``activation`` an activation function, and ``model`` a model class that saves its
arguments instead of a graph. A layer that cannot be composed is registered with ``layer``: a ``frozen`` subclass of
``Spec`` with its fields, weights and shapes, a ``reference`` in NumPy, and a ``translation`` to ONNX.
``raise refuse("...")`` tells the user that an option is not supported.
"""

from __future__ import annotations

from kerasport.custom.composing import CalledLayer, CustomLayer
from kerasport.custom.faults import refuse, unfinished
from kerasport.custom.files import load
from kerasport.custom.models import CustomModel, End
from kerasport.custom.operations import ops
from kerasport.custom.registration import activation, compose, layer, model, reference, translation
from kerasport.custom.tensors import Tensor
from kerasport.errors import PluginError
from kerasport.export.builder import Scope as OnnxBuilder
from kerasport.export.layout import Tensor as OnnxTensor
from kerasport.export.loops import Loop as OnnxLoop
from kerasport.export.ops import reduce as onnx_reduce
from kerasport.layers.base import Shape, Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.functions import Function
from kerasport.reference.registry import Array, Context

__all__ = [
    "Array",
    "CalledLayer",
    "Config",
    "Context",
    "CustomLayer",
    "CustomModel",
    "End",
    "Function",
    "OnnxBuilder",
    "OnnxLoop",
    "OnnxTensor",
    "PluginError",
    "Shape",
    "Spec",
    "Tensor",
    "TensorType",
    "activation",
    "compose",
    "frozen",
    "layer",
    "load",
    "model",
    "onnx_reduce",
    "ops",
    "reference",
    "refuse",
    "translation",
    "unfinished",
]
