"""Classes of models that save their arguments and no graph."""

from __future__ import annotations

import json
import zipfile
from contextvars import copy_context
from pathlib import Path
from typing import Any

import h5py
import pytest

from kerasport import load
from kerasport.custom.registry import CUSTOM
from kerasport.errors import NotAModelError
from kerasport.limits import use
from tests.goldens import Form, goldens

TASK = """
from kerasport.plugins import model

@model("keras_hub>BertTextClassifier", ignored="dropout preprocessor")
def pooled(m):
    x = m.call(m.held("backbone"))["pooled_output"]
    return m.layer("Dense", "logits", x, units=m.config.integer("num_classes"), activation=m.config.get("activation"))
"""


def classifier(folder: Path, **changes: Any) -> Path:
    """The golden classifier, with other options."""
    (golden,) = goldens("ecosystem", "hub_bert_classifier", form=Form("model.keras"))
    source, path = golden.model(folder), folder / "changed.keras"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"].update(changes)
                data = json.dumps(config).encode()
            new.writestr(name, data)
    return path


def test_a_plugin_says_what_graph_a_class_builds(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(TASK)
    with load(classifier(tmp_path)) as known, CUSTOM.apart(), load(classifier(tmp_path), plugins=[plugin]) as model:
        assert [call.name for call in model.graph.calls] == [call.name for call in known.graph.calls]


def test_an_option_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        NotAModelError, match=r"'keras_hub>BertTextClassifier' cannot be built: the option 'pooling' \(mean"
    ):
        load(classifier(tmp_path, pooling="mean"))


def test_a_backbone_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    other = {"class_name": "My>Backbone", "config": {"name": "mine"}}
    with pytest.raises(NotAModelError, match="the class of its backbone, 'My>Backbone', is not known"):
        load(classifier(tmp_path, backbone=other))


def test_a_missing_option_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotAModelError, match=r"num_classes is .None. where a whole number is needed"):
        load(classifier(tmp_path, num_classes=None))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_layers": 10**12}, "num_layers is '1000000000000' where a number of layers up to 30 is needed"),
        ({"num_layers": -1}, "num_layers is '-1' where a number"),
        ({"num_groups": 5, "num_inner_repetitions": 8}, "it has more than 30 layers"),
        ({"num_layers": 30}, "it has more than 30 layers"),
    ],
)
def test_a_file_does_not_build_more_layers_than_any_model_has(
    changes: dict[str, int], said: str, tmp_path: Path
) -> None:
    (golden,) = goldens("ecosystem", "hub_albert_and_fnet")
    path = golden.model(tmp_path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        (backbone,) = (layer for layer in config["config"]["layers"] if layer["class_name"].endswith("AlbertBackbone"))
        backbone["config"].update(changes)
        file.attrs["model_config"] = json.dumps(config)

    def opened() -> None:
        use(layers=30)
        load(path).close()

    with pytest.raises(NotAModelError, match=said):
        copy_context().run(opened)
