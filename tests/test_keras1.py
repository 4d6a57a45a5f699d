"""What a Keras 1 file leaves out: its backend, the axis order of some layers, names of nested models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from kerasport import dialect, reference
from kerasport.dialect.model import LayerDef
from kerasport.errors import OptionError, UnsupportedModelError
from kerasport.loading import load
from tests.goldens import Golden, goldens

KERNEL = np.arange(2 * 3 * 2 * 3, dtype="float32").reshape(2, 3, 2, 3)
KERAS1 = dialect.writer("1.2.2", "tensorflow")


def convolution(ordering: str = "th", **config: Any) -> dict[str, Any]:
    given = {"name": "conv", "nb_filter": 2, "nb_row": 2, "nb_col": 3, "dim_ordering": ordering, "bias": False}
    return {"class_name": "Convolution2D", "config": {**given, **config}}


def untold(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}}


def saved(
    path: Path,
    layers: Sequence[Mapping[str, Any]],
    weights: Mapping[str, Mapping[str, NDArray[Any]]],
    backend: str = "",
) -> Path:
    """A file as Keras 1.2.2 writes it for a Sequential model."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "1.2.2"
        if backend:
            file.attrs["backend"] = backend
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": list(layers)})
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in arrays]
            for key, array in arrays.items():
                group[key] = array
    return path


def conv_file(folder: Path, weight: str, backend: str = "") -> Path:
    layers = [convolution(batch_input_shape=[None, 3, 2, 3])]
    return saved(folder / "model.h5", layers, {"conv": {weight: KERNEL}}, backend)


def result(path: Path, backend: str | None = None) -> float:
    """What the first filter gives where only the first pixel of the first channel is 1."""
    x = np.zeros((1, 3, 2, 3), "float32")
    x[0, 0, 0, 0] = 1
    with load(path, backend=backend) as model:
        return float(reference.run(model.graph, [x])[0][0, 0, 0, 0])


def test_the_names_of_the_weights_tell_the_backend(tmp_path: Path) -> None:
    assert result(conv_file(tmp_path, "conv_W:0")) == KERNEL[0, 0, 0, 0]
    assert result(conv_file(tmp_path, "conv_W")) == KERNEL[0, 0, 1, 2]


@pytest.mark.parametrize("golden", goldens(era="1.*"), ids=lambda golden: golden.name)
def test_the_backend_of_real_files_is_found(golden: Golden, tmp_path: Path) -> None:
    with load(golden.model(tmp_path)) as model:
        has_weights = any(model.saved.weights[name] for name in model.saved.weights)
        assert model.saved.backend == (golden.backend if has_weights else "tensorflow")


def test_the_backend_can_be_given(tmp_path: Path) -> None:
    path = conv_file(tmp_path, "conv_W:0")
    assert result(path, "theano") == KERNEL[0, 0, 1, 2]
    with load(path, backend="theano") as model:
        assert model.saved.backend == "theano"


def test_a_backend_that_the_file_names_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="says that its backend is tensorflow"):
        load(conv_file(tmp_path, "conv_W:0", "tensorflow"), backend="theano")


def layer_of(config: Sequence[Mapping[str, Any]], name: str) -> list[LayerDef]:
    """A layer in every reading of a Sequential model's config."""
    whole = {"class_name": "Sequential", "config": list(config)}
    return [next(x for x in model.layers if x.name == name) for model in dialect.readings(whole, KERAS1)]


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_the_nearest_layer_tells_the_axis_order(ordering: str) -> None:
    pad = untold("ZeroPadding2D", "pad", padding=[1, 2], batch_input_shape=[None, 4, 4, 4])
    between = untold("Activation", "relu", activation="relu")
    (found,) = layer_of([pad, between, convolution(ordering)], "pad")
    assert found.config["data_format"] == {"th": "channels_first", "tf": "channels_last"}[ordering]


def test_an_order_does_not_reach_beyond_a_permute() -> None:
    permute = untold("Permute", "turn", dims=[3, 1, 2])
    pad = untold("ZeroPadding2D", "pad", batch_input_shape=[None, 4, 4, 4])
    pool = {"class_name": "MaxPooling2D", "config": {"name": "pool", "pool_size": [2, 2], "dim_ordering": "tf"}}
    orders = [found.config["data_format"] for found in layer_of([pad, permute, pool], "pad")]
    assert orders == ["channels_last", "channels_first"]


def test_nested_models_without_a_name_get_that_of_their_weights(tmp_path: Path) -> None:
    inner = [untold("Dense", "d1", output_dim=2, bias=False, batch_input_shape=[None, 2])]
    layers = [{"class_name": "Sequential", "config": inner}, untold("Dense", "d2", output_dim=1, bias=False)]
    weights = {"sequential_7": {"d1_W:0": np.eye(2, dtype="float32")}, "d2": {"d2_W:0": np.ones((2, 1), "float32")}}
    with load(saved(tmp_path / "model.h5", layers, weights)) as model:
        assert [layer.name for layer in model.definition.layers[1:]] == ["sequential_7", "d2"]
        assert set(model.graph.layers) == {"sequential_7/d1", "d2"}


def test_a_merge_by_a_function_that_is_not_in_the_file_is_refused_by_name(tmp_path: Path) -> None:
    branch = {"class_name": "Sequential", "config": [untold("Dense", "d1", output_dim=2, batch_input_shape=[None, 2])]}
    merge = untold("Merge", "join", mode="distance", mode_type="function", layers=[branch, branch])
    weights = {"d1": {"d1_W:0": np.eye(2, dtype="float32"), "d1_b:0": np.zeros(2, "float32")}}
    with (
        load(saved(tmp_path / "model.h5", [merge], weights)) as model,
        pytest.raises(UnsupportedModelError, match=r"join: .*distance"),
    ):
        _ = model.graph
