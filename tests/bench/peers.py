"""The converters that kerasport is compared with, each in a Python of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.results import Costs

_TF2ONNX = """
import sys, tensorflow as tf, tf2onnx
from keras.src.applications.convnext import LayerScale
from keras.src.layers.convolutional.base_conv import Conv
Conv._jit_compiled_convolution_op = Conv.convolution_op  # tf2onnx writes a graph that does not load for compiled ones
model = tf.keras.models.load_model(sys.argv[1], compile=False, custom_objects={"LayerScale": LayerScale})
batch = {"any": None, "two": 2}[sys.argv[3]]
signature = [tf.TensorSpec((batch, *x.shape[1:]), x.dtype, name=x.name) for x in model.inputs]
tf2onnx.convert.from_keras(model, input_signature=signature, opset=17, output_path=sys.argv[2])
"""
_KERAS2ONNX = """
import sys, keras, keras2onnx
model = keras.models.load_model(sys.argv[1], compile=False)
keras2onnx.save_model(keras2onnx.convert_keras(model), sys.argv[2])
"""


@dataclass(frozen=True)
class Peer:
    """One converter, and what it wrote and cost before.

    Attributes:
        name: "tf2onnx", "tf2onnx, batch 2" or "keras2onnx".
        python: The interpreter that has it; None where there is none, and only earlier figures can be shown.
        folder: Where it writes, and where its costs are kept by the SHA-256 of the model file.
    """

    name: str
    python: str | None
    folder: Path
    _digests: dict[Path, str] = field(default_factory=dict)

    def command(self, model: Path) -> Sequence[str]:
        """Converts a model file to ``output(model)``."""
        assert self.python is not None
        self.output(model).parent.mkdir(parents=True, exist_ok=True)
        code, *more = {
            "tf2onnx": (_TF2ONNX, "any"),
            "tf2onnx, batch 2": (_TF2ONNX, "two"),
            "keras2onnx": (_KERAS2ONNX,),
        }[self.name]
        return [self.python, "-E", "-c", code, str(model), str(self.output(model)), *more]

    def output(self, model: Path) -> Path:
        """Its ONNX file of a model file."""
        return self.folder / self.name / f"{model.stem}-{self._digest(model)[:12]}.onnx"

    def written(self, model: Path) -> Path | None:
        """Its ONNX file, if it has been written."""
        return self.output(model) if self.output(model).exists() else None

    def earlier(self, model: Path) -> Costs | None:
        """What the conversion cost in an earlier run."""
        record = self._record(model)
        if not record.exists() or not self.output(model).exists():
            return None
        costs: Costs = json.loads(record.read_text(encoding="utf-8"))
        return {**costs, "earlier": True}

    def keep(self, model: Path, costs: Costs) -> None:
        """Keeps what the conversion cost."""
        self._record(model).write_text(json.dumps(costs), encoding="utf-8")

    def _record(self, model: Path) -> Path:
        return self.output(model).with_suffix(".json")

    def _digest(self, model: Path) -> str:
        if model not in self._digests:
            with model.open("rb") as file:
                self._digests[model] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._digests[model]
