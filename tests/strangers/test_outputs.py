"""Outputs are whole or absent, whatever happens to the command, the disk or the folder."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import onnx
import pytest

from kerasport.errors import FileError
from kerasport.export import writer
from kerasport.files import Flushed, whole
from kerasport.onnxfile.external import data_name
from kerasport.private import private_folder
from tests.conftest import Outcome

Run = Callable[..., Outcome]
PAGE = 4096


def test_a_command_that_is_cut_short_leaves_the_old_output_or_the_new_one() -> None:
    """A few of the cases of ``python -m tests.strangers.kills``."""
    command = [sys.executable, "-m", "tests.strangers.kills", "--count", "3", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def commands(seed: Path, folder: Path) -> dict[str, list[object]]:
    """The commands that write, and what they write to first."""
    model = seed / "my_model_tf.h5"
    predict: list[object] = ["predict", model, "--input", seed / "new_data.npy", "--output"]
    return {
        "m.onnx": ["convert", model, folder / "m.onnx"],
        "y.npy": [*predict, folder / "y.npy"],
        "y.npz": [*predict, folder / "y.npz"],
        "r.html": ["check", model, "--report", folder / "r.html"],
    }


OUTPUTS = ("m.onnx", "y.npy", "y.npz", "r.html")


def alone(command: Sequence[object], limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process of its own, whose files may have no more bytes than that."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    arguments = [sys.executable, "-m", "kerasport", *map(str, command)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, preexec_fn=limited)


@pytest.mark.parametrize("name", OUTPUTS)
def test_where_no_more_can_be_written_the_old_file_stays(seed: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"old")
    done = alone(commands(seed, tmp_path)[name], limit=50)
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith(f"Error: {tmp_path / name} cannot be written: File too large.")
    assert (tmp_path / name).read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


MOUNTED = """
mount -t tmpfs -o size={size} tmpfs "$1" || exit 99
cp -r "$2"/. "$1"
{then}
shift 2
"$@"
code=$?
ls -A "{folder}" >&2
cat "{folder}/{name}" >&2
exit $code
"""


def on_a_disk(folder: Path, name: str, command: Sequence[object], size: int, then: str) -> tuple[int, list[str]]:
    """Runs a command on a small file system of its own, with an old file; its exit code, and what it and ``ls`` say."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare(1), to mount a small disk without being root")
    before = folder.with_name("before")
    before.mkdir()
    (before / name).write_bytes(b"old\n")
    script = MOUNTED.format(size=size, then=then.format(folder=folder), folder=folder, name=name)
    arguments = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", folder, before]
    command = [*arguments, sys.executable, "-m", "kerasport", *command]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr}")
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("name", OUTPUTS)
def test_on_a_full_disk_the_old_file_stays(seed: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    fill = 'cat /dev/zero > "{folder}/filler" 2>&-'
    code, told = on_a_disk(folder, name, commands(seed, folder)[name], 4 * PAGE, fill)
    assert code == 3, told
    assert told[0] == f"Error: {folder / name} cannot be written: No space left on device."
    assert told[-3:] == ["filler", name, "old"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_in_a_folder_that_is_read_only_the_old_file_stays(seed: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    lock = 'mount -o remount,ro "{folder}"'
    code, told = on_a_disk(folder, name, commands(seed, folder)[name], 4 * PAGE, lock)
    assert code == 3, told
    assert told[0] == f"Error: {folder / name} cannot be written: Read-only file system."
    assert told[-2:] == [name, "old"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_in_a_folder_without_permission_nothing_is_written(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    outcome = kerasport("convert", seed_model, tmp_path / "m.onnx")
    assert outcome.code == 3
    assert "cannot be written: Permission denied." in outcome.err


def test_a_folder_in_the_targets_place_is_said_before_any_work(
    kerasport: Run, seed_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "m.onnx").mkdir()
    outcome = kerasport("convert", seed_model, tmp_path / "m.onnx")
    assert outcome.code == 3
    assert "it is a folder" in outcome.err


def test_what_a_failing_sync_beside_has_met_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerasport.files.os.fsync", failing)
    with pytest.raises(FileError, match="No space left"), whole(tmp_path / "x") as path, Flushed(path) as file:
        file.write(bytes(65 << 20))
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_removed_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    with private_folder(tmp_path) as first:
        left = first.with_name(f"{first.name}x")
        left.mkdir()
        (left / "m.onnx").write_bytes(b"half")
        with private_folder(tmp_path) as second:
            assert not left.exists()
            assert first.exists()
            assert second.exists()
    assert not list(tmp_path.iterdir())


def test_another_machines_folders_and_links_are_left_alone(tmp_path: Path) -> None:
    other, victim = tmp_path / ".kerasport-elsewhere.org-abc", tmp_path / "victim"
    other.mkdir()
    victim.mkdir()
    with private_folder(tmp_path) as folder:
        link = folder.with_name(f"{folder.name}x")
    link.symlink_to(victim)
    with private_folder(tmp_path):
        pass
    assert other.exists()
    assert victim.exists()


def test_a_model_with_weights_beside_it_replaces_one_in_a_single_step(
    kerasport: Run, seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PROTOBUF_LIMIT", 1000)
    target = tmp_path / "m.onnx"
    names = []
    for opset in (13, 17, 20):
        assert kerasport("convert", seed / "my_model_tf.h5", target, "--opset", opset).code == 0
        names.append(sorted(path.name for path in tmp_path.iterdir()))
        assert onnx.load(target).opset_import[0].version == opset
    usual, other = ["m.onnx", "m.onnx.data"], ["m.onnx", "m.onnx.1.data"]
    assert names == [usual, sorted(other), usual]
    assert data_name(target) == "m.onnx.1.data"
