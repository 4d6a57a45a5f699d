"""Structural facts behind speed and memory, cheap enough for every run; ``make bench`` measures the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from kerasport.export import translate
from kerasport.loading import load
from tests.bench.parts.start import bytes_read
from tests.goldens import goldens

PEERS = Path(__file__).parent.parent / "fixtures" / "peers"
ERAS = {"tf2onnx": "2.15.0-tensorflow", "keras2onnx": "2.2.4-tensorflow"}


def peer_counts() -> list[tuple[str, str, int, int]]:
    """Peer, golden case, and the nodes and Transposes of the peer's graph of it."""
    files = {peer: json.loads((PEERS / f"{peer}.json").read_text(encoding="utf-8")) for peer in ERAS}
    return [(peer, case, *counts) for peer, cases in files.items() for case, counts in cases.items()]


@pytest.mark.parametrize(("peer", "case", "nodes", "transposes"), peer_counts())
def test_no_peer_writes_fewer_nodes_or_transposes(
    peer: str, case: str, nodes: int, transposes: int, tmp_path: Path
) -> None:
    (golden,) = goldens(*case.split("/"), ERAS[peer])
    with load(golden.model(tmp_path)) as model:
        ours = [node.op for node in translate(model.graph).nodes]
    assert len(ours) <= nodes
    assert ours.count("Transpose") <= transposes


def loaded_by(code: str) -> set[str]:
    """The modules that a Python has loaded after some code."""
    code = f"{code}\nimport sys\nprint('loaded:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_command_line_loads_nothing_beyond_click_to_introduce_itself(option: str) -> None:
    more = loaded_by(f"from kerasport.cli.main import run\nrun([{option!r}], False)") - loaded_by("import click")
    foreign = {name for name in more if name.partition(".")[0] not in {*sys.stdlib_module_names, "click"}}
    assert foreign <= {
        "kerasport",
        "kerasport._version",
        "kerasport.errors",
        "kerasport.limits",
        "kerasport.supervision",
        "kerasport.cli.supervisor",
        "kerasport.cli",
        "kerasport.cli.main",
    }


def save_dense(path: Path, units: int) -> None:
    """A file with one large Dense layer, in the form in which tf.keras 2.15 saves it."""
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "large",
            "layers": [
                {"class_name": "InputLayer", "config": {"batch_input_shape": [None, units], "name": "x"}},
                {"class_name": "Dense", "config": {"name": "dense", "units": units, "activation": "relu"}},
            ],
        },
    }
    weights = {
        "dense/kernel:0": np.ones((units, units), "float32"),
        "dense/bias:0": np.ones(units, "float32"),
    }
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = np.array([b"x", b"dense"])
        root.create_group("x").attrs["weight_names"] = np.array([], "float64")
        group = root.create_group("dense")
        group.attrs["weight_names"] = np.array([name.encode() for name in weights])
        for name, values in weights.items():
            group.create_dataset(name, data=values)


def test_a_model_without_lambdas_is_translated_without_the_reader_of_their_code(seed_model: Path) -> None:
    code = "from kerasport import load; from kerasport.export import translate; "
    loaded = loaded_by(f"{code}translate(load({str(seed_model)!r}).graph)")
    assert "kerasport.export" in loaded
    assert not {"kerasport.lambdas.reading", "kerasport.lambdas.machine"} & loaded


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts the bytes that a process reads")
def test_inspect_reads_less_than_a_hundredth_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    save_dense(path, 2236)
    assert path.stat().st_size > 20_000_000
    assert bytes_read(path) < path.stat().st_size / 100
