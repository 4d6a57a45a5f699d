"""Code in model files is never run, whatever names it."""

from __future__ import annotations

import base64
import marshal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Outcome
from tests.strangers.files import Config, dense, keras2, keras3, write_archive, write_h5
from tests.strangers.watch import watched

Run = Callable[..., Outcome]
COMMANDS = ("inspect", "check", "convert", "predict", "validate")


def marshalled(canary: Path) -> str:
    code = compile(f"open({str(canary)!r}, 'w').write('run')", "canary", "exec")
    return base64.b64encode(marshal.dumps(code)).decode()


def lambda2(canary: Path) -> Config:
    config = {"name": "f", "function": [marshalled(canary), None, None], "function_type": "lambda", "arguments": {}}
    return keras2(dense(), {"class_name": "Lambda", "config": config})


def lambda3(canary: Path) -> Config:
    code = {"code": marshalled(canary), "defaults": None, "closure": None}
    function = {"class_name": "__lambda__", "config": code}
    return keras3(dense(), {"class_name": "Lambda", "config": {"name": "f", "function": function, "arguments": {}}})


def unsafe_first(canary: Path) -> Config:
    switch = {"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization"}
    config = lambda3(canary)
    config["config"]["layers"].insert(1, {**switch, "registered_name": "enable_unsafe_deserialization"})
    return config


def safe_mode_off(canary: Path) -> Config:
    config = lambda3(canary)
    config["config"]["layers"][2]["config"]["safe_mode"] = False
    return {**config, "safe_mode": False, "build_config": {"input_shape": [None, 4]}}


def naming(module: str, class_name: str, **config: Any) -> Callable[[Path], Config]:
    """A layer that is a class or function of any module."""

    def make(canary: Path) -> Config:
        arguments = {key: str(canary) if value == "CANARY" else value for key, value in config.items()}
        layer = {"module": module, "class_name": class_name, "config": {"name": "evil", **arguments}}
        return keras3(dense(), {**layer, "registered_name": class_name})

    return make


def within(key: str, module: str, config: Any) -> Callable[[Path], Config]:
    """A layer of Keras's own, one of whose options is a function of any module."""

    def make(canary: Path) -> Config:
        value = {"module": module, "class_name": "function", "config": config, "registered_name": "function"}
        return keras3(dense(**{key: value}))

    return make


def torch_module(canary: Path) -> Config:
    """What Keras gives to torch.load, which unpickles."""
    pickle = b"\x80\x04\x8c\x0dcanary_module\x94\x8c\x05start\x94\x93\x94."
    module = {"class_name": "TorchModuleWrapper", "config": {"name": "t", "module": base64.b64encode(pickle).decode()}}
    return keras3(dense(), module)


def wrapped(canary: Path) -> Config:
    inner = {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", str(canary)]}}
    layer = {"class_name": "TimeDistributed", "config": {"name": "w", "layer": {**inner, "registered_name": "Popen"}}}
    return keras3(dense(), layer)


def deeply_wrapped(canary: Path) -> Config:
    inner: Config = naming("os", "system", command=f"touch {canary}")(canary)["config"]["layers"][-1]
    for number in range(5):
        config = {"name": f"w{number}", "layer": inner}
        inner = {"module": "keras.layers", "class_name": "Bidirectional", "config": config, "registered_name": None}
    return keras3(dense(), inner)


ATTACKS: dict[str, Callable[[Path], Config]] = {
    "a Lambda of Keras 2 (CVE-2024-3660, CVE-2025-9905)": lambda2,
    "a Lambda of Keras 3 (CVE-2026-12481)": lambda3,
    "a switch that makes loading unsafe (CVE-2025-9906)": unsafe_first,
    "a file that calls itself safe": safe_mode_off,
    "os.system as a layer": naming("os", "system", command="touch CANARY"),
    "a class of any module (CVE-2025-1550)": naming("canary_module", "Canary", path="CANARY"),
    "builtins": naming("builtins", "eval", source="1/0"),
    "a download (CVE-2025-8747)": naming("keras.utils", "get_file", fname="f", origin="http://127.0.0.1:9/f"),
    "a SavedModel as a layer (CVE-2026-1462)": naming("keras.layers", "TFSMLayer", filepath="CANARY"),
    "a pickled PyTorch module (CVE-2025-49655)": torch_module,
    "a function as an activation": within("activation", "os", "system"),
    "a function as an initializer": within("kernel_initializer", "canary_module", "start"),
    "a function as a regularizer": within("kernel_regularizer", "subprocess", "run"),
    "a function as a constraint": within("kernel_constraint", "builtins", "exec"),
    "a class as a policy": within("dtype", "canary_module", "policy"),
    "a class in a wrapper": wrapped,
    "a class in five wrappers": deeply_wrapped,
}


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that exists only when something was run; and a module that would make it when imported."""
    folder, place = tmp_path / "modules", tmp_path / "canary"
    folder.mkdir()
    (folder / "canary_module.py").write_text(
        f"import pathlib\npathlib.Path({str(place)!r}).write_text('imported')\nCanary = start = policy = print\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    return place


def test_the_watch_sees_what_it_should(tmp_path: Path, canary: Path) -> None:
    with watched() as found:
        exec(compile("1", "canary", "exec"))
        __import__("canary_module")
        (tmp_path / "x").write_text("x")
        subprocess.run(["true"], check=True)
    assert {entry.split()[0] for entry in found} >= {"exec", "import", "open", "subprocess.Popen"}
    assert canary.exists()


@pytest.mark.parametrize("form", ["h5", "keras"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_a_config_names_is_imported_or_run(
    kerasport: Run, tmp_path: Path, canary: Path, attack: str, form: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    config = ATTACKS[attack](canary)
    model = (write_h5 if form == "h5" else write_archive)(folder / f"model.{form}", config)
    np.save(folder / "x.npy", np.zeros((2, 4), "float32"))
    rest = {
        "convert": [folder / "m.onnx"],
        "validate": [folder / "m.onnx"],
        "predict": ["--input", folder / "x.npy", "--output", folder / "y.npy"],
    }
    for command in COMMANDS:
        with watched(folder) as found:
            outcome = kerasport(command, model, *rest.get(command, []))
        assert not found, command
        assert not canary.exists(), command
        assert outcome.code in (0, 3, 4), outcome
        assert "Traceback" not in outcome.err


PICKLE = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x0btouch canary\x94\x85\x94R\x94."


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_pickled_arrays_are_never_loaded(kerasport: Run, seed_model: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    objects = np.array([None, {"a": 1}], dtype=object)
    if suffix == "npy":
        np.save(path, objects, allow_pickle=True)
    else:
        np.savez(path, x=objects)  # type: ignore[arg-type, unused-ignore]
    with watched(tmp_path, seed_model.parent) as found:
        outcome = kerasport("predict", seed_model, "--input", path, "--output", tmp_path / "y.npy")
    assert not found
    assert outcome.code in (3, 6)
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "y.npy").exists()


def test_a_pickle_that_calls_itself_an_array_is_not_loaded(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + PICKLE)
    with watched(tmp_path, seed_model.parent) as found:
        outcome = kerasport("predict", seed_model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert not found
    assert outcome.code in (3, 6)


def test_weights_that_are_objects_are_refused(kerasport: Run, tmp_path: Path) -> None:
    import h5py

    def edit(file: h5py.File) -> None:
        group = file["model_weights/dense/dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", data=np.void(PICKLE))

    model = write_h5(tmp_path / "m.h5", keras2(dense()), edit)
    with watched(tmp_path) as found:
        outcome = kerasport("convert", model, tmp_path / "m.onnx")
    assert not found
    assert outcome.code == 3
    assert not (tmp_path / "m.onnx").exists()
