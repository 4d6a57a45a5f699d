"""The models of the benchmark: what is expected of each, and how the missing ones are made."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_FIXTURES = Path(__file__).parents[2] / "fixtures"
APPLICATIONS, BENCHMARKS, KERAS2, SEED = "applications", "benchmarks", "applications_keras2", "seed"


@dataclass(frozen=True)
class Entry:
    """One model.

    Attributes:
        name: Of its file below the folder of models, without the suffix.
        maker: The script of ``fixtures/make`` that makes it.
        faster: How many times faster than tf2onnx its conversion is to be.
        latency: At most this part of tf2onnx's graph's latency; None where it is not compared.
        peak_megabytes: What its conversion may need at most.
        same: The model of the same name that the other peer converts.
    """

    name: str
    maker: str
    faster: float | None = None
    latency: float | None = 1.0
    peak_megabytes: float | None = None
    same: str | None = None


def _applications() -> list[Entry]:
    others = "MobileNetV2 ResNet50 MobileNetV3Small EfficientNetB0 InceptionV3 DenseNet121 Xception NASNetMobile"
    same = {"ResNet50", "DenseNet121"}
    return [
        *(Entry(n, APPLICATIONS, 25, same=f"keras2/{n}" if n in same else None) for n in others.split()),
        Entry("ConvNeXtTiny", APPLICATIONS, 25, latency=0.9),
        Entry("VGG16", APPLICATIONS, 25, peak_megabytes=250, same="keras2/VGG16"),
    ]


MODELS = [
    Entry("seed", SEED, 8, same="keras2/seed"),
    Entry("unet", BENCHMARKS, 10),
    Entry("rnn_masked", BENCHMARKS, 25, latency=0.9),
    Entry("rnn_stacked", BENCHMARKS, latency=0.9),
    Entry("vit", BENCHMARKS, latency=0.9),
    Entry("transformer", BENCHMARKS, latency=0.9),
    *_applications(),
]
OLD = [Entry(f"keras2/{name}", KERAS2, latency=None) for name in ("seed", "ResNet50", "DenseNet121", "VGG16")]
DEEP = [Entry(f"deep_{layers}", BENCHMARKS) for layers in (10, 100, 1000, 5000)]
WIDE = [
    Entry(f"wide_{megabytes}", BENCHMARKS, peak_megabytes=300 if megabytes == 4000 else None)
    for megabytes in (1, 10, 100, 1000, 4000)
]
EVERYTHING = MODELS + OLD + DEEP + WIDE


@dataclass(frozen=True)
class Shelf:
    """The folder of models.

    Attributes:
        folder: The files ``NAME.h5`` and ``NAME.npz``, with inputs and Keras's outputs.
    """

    folder: Path

    def path(self, entry: Entry) -> Path:
        """The model's file."""
        return self.folder / f"{entry.name}.h5"

    def has(self, entry: Entry) -> bool:
        """Whether the model's files are there."""
        return self.path(entry).exists() and self.path(entry).with_suffix(".npz").exists()

    def inputs(self, entry: Entry, rows: int | None = None) -> list[np.ndarray]:
        """The model's inputs, in its own order."""
        with np.load(self.path(entry).with_suffix(".npz")) as arrays:
            return [arrays[f"input_{i}"][:rows] for i in range(len(arrays) - 1)]

    def takes_images(self, entry: Entry) -> bool:
        """Whether the model's inputs are images."""
        return all(array.ndim == 4 for array in self.inputs(entry, rows=1))

    def output(self, entry: Entry, rows: int | None = None) -> np.ndarray:
        """What Keras predicted for these inputs."""
        with np.load(self.path(entry).with_suffix(".npz")) as arrays:
            output: np.ndarray = arrays["output_0"][:rows]
            return output

    def make(self, entries: Sequence[Entry], pythons: dict[str, str | None]) -> list[Entry]:
        """Makes the models that are missing; those that remain missing are left out.

        Args:
            entries: The models.
            pythons: By maker, the interpreter with the Keras that it needs; None where there is none.
        """
        for entry in entries:
            if not self.has(entry):
                self._make(entry, pythons.get(entry.maker))
        return [entry for entry in entries if self.has(entry)]

    def _make(self, entry: Entry, python: str | None) -> None:
        path = self.path(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.maker == SEED:
            shutil.copy(_FIXTURES / "seed" / "my_model_tf.h5", path)
            inputs, outputs = (np.load(_FIXTURES / "seed" / f"new_data{part}.npy") for part in ("", "_predictions"))
            np.savez(path.with_suffix(".npz"), input_0=inputs, output_0=outputs)
        elif python is not None:
            script = _FIXTURES / "make" / f"{entry.maker}.py"
            print(f"making {entry.name} ...", flush=True)
            subprocess.run(
                [python, "-E", str(script), "--out", str(path.parent), path.stem], check=True, stdout=subprocess.DEVNULL
            )
