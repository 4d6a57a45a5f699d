"""ONNX Runtime sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import DamagedFileError, FileError, InputError, KerasportError
from kerasport.onnxfile.external import check_external
from kerasport.onnxfile.notes import orders
from kerasport.runtime.providers import check_used, execution_providers

if TYPE_CHECKING:
    import onnxruntime

    from kerasport.layers.base import TensorType

Array = NDArray[Any]
_MOST_VALUES = 2**63 // 16  # of a row; the largest dtype has 16 bytes a value
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
    "tensor(string)": "str",
}


@dataclass(frozen=True)
class Port:
    """An input or output of a model.

    Attributes:
        name: Its name.
        shape: Its shape; None where symbolic.
        dtype: Its NumPy dtype name; "str" for strings.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def port_of(name: str, type_: TensorType) -> Port:
    """The input or output of a graph."""
    return Port(name, type_.shape, "str" if type_.dtype == "string" else type_.dtype)


class Session:
    """An ONNX model ready to run, with arrays in Keras's axis order even where a model of kerasport's has another.

    Args:
        model: A path, or the model's bytes.
        threads: Threads within operators; 0 lets ONNX Runtime choose.
        provider: What computes: "cpu", "cuda", "coreml", "openvino" or "directml".
        optimize: Whether ONNX Runtime may rewrite the graph.
        once: Whether it is to run only once: weights are not packed for further runs, and neither memory nor threads
            wait for them.

    Attributes:
        inputs: The model's inputs.
        outputs: Its outputs.
        metadata: Its metadata properties.
        version: Of ONNX Runtime.

    Raises:
        FileError: ONNX Runtime cannot load the model, or is not installed.
        OptionError: The provider is not there.
    """

    def __init__(
        self,
        model: Path | bytes,
        *,
        threads: int = 0,
        provider: str = "cpu",
        optimize: bool = True,
        once: bool = False,
    ) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise KerasportError(
                "ONNX Runtime is not installed.", "Install onnxruntime, or use --engine reference."
            ) from error
        providers = execution_providers(provider)
        self._model, self.version = model, onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        onnxruntime.set_default_logger_severity(4)  # its errors are raised, too
        options.log_severity_level = 4
        if not optimize:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_mem_pattern = provider != "directml"  # which does not know them
        if once:
            options.enable_cpu_mem_arena = options.enable_mem_pattern = False
            options.add_session_config_entry("session.disable_prepacking", "1")
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if isinstance(model, Path):
            check_external(model)
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = onnxruntime.InferenceSession(source, options, providers=providers)
            check_used(provider, self._session.get_providers())
            self.metadata: Mapping[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
            self._orders = orders(self.metadata)
            self.inputs = tuple(self._port(port) for port in self._session.get_inputs())
            self.outputs = tuple(self._port(port) for port in self._session.get_outputs())
        except KerasportError:
            raise
        except Exception as error:
            name = "The converted model" if isinstance(model, bytes) else str(model)
            raise FileError(f"{name} cannot be loaded by ONNX Runtime: {error}") from error

    def without_optimizer(self) -> Session:
        """The same model, run as it is written."""
        return Session(self._model, optimize=False, once=True)

    def feeds(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """One array per input, in order, as the ONNX model takes them: by name, in its dtypes and axis orders."""
        return {
            port.name: np.asarray(self._stored(port.name, np.asarray(array)), port.dtype, order="C")
            for port, array in zip(self.inputs, inputs, strict=True)
        }

    def run(self, inputs: Sequence[Array], outputs: Sequence[str] | None = None) -> list[Array]:
        """Runs one batch.

        Args:
            inputs: One array per input, in order; safe casts are made.
            outputs: The names of the outputs wanted; None for all.

        Raises:
            InputError: ONNX Runtime refuses the inputs.
        """
        names = [port.name for port in self.outputs] if outputs is None else list(outputs)
        try:
            results = self._session.run(names, self.feeds(inputs))
        except Exception as error:
            raise InputError(f"ONNX Runtime failed on this input: {error}") from error
        logical = [self._logical(name, result) for name, result in zip(names, results, strict=True)]
        return [result.astype("str") if result.dtype.kind == "O" else result for result in logical]

    def _stored(self, name: str, array: Array) -> Array:
        order = self._orders.get(name)
        return array if order is None or array.ndim != len(order) else array.transpose(order)

    def _logical(self, name: str, array: Array) -> Array:
        return array.transpose(np.argsort(self._orders[name])) if name in self._orders else array

    def _port(self, port: onnxruntime.NodeArg) -> Port:
        shape = tuple(dim if isinstance(dim, int) else None for dim in port.shape or ())
        order = self._orders.get(port.name)
        if prod(dim or 1 for dim in shape) > _MOST_VALUES:
            raise DamagedFileError(f"The ONNX model says that {port.name!r} has the impossible shape {list(shape)}.")
        logical = shape if order is None else tuple(shape[axis] for axis in np.argsort(order))
        return Port(port.name, logical, _TYPES.get(port.type, port.type))
