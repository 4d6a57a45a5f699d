"""The GitHub action and the lines for other CIs: their shell is run as it stands, with what a runner would set."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}
INSTALL, CONVERT, SUMMARY = "Install kerasport", "Convert and validate", "Summarize"
# What a file may be called, so that careless quoting would show.
ODD = "my model; touch pwned $(touch pwned) `touch pwned` '\"&|.h5"
WRONG = "import kerasport.export.writer as writer; writer._stored = lambda array, values: values * 1.5; "


def executable(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


class Runner:
    """A folder in which steps run as on GitHub, with kerasport in the place of what was installed."""

    def __init__(self, folder: Path) -> None:
        self.work, self.temp, self.bin = folder / "work", folder / "temp dir", folder / "bin dir"
        for path in (self.work, self.temp, self.bin):
            path.mkdir()
        self.files = {name: folder / name for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        executable(self.bin / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        self.install("")

    def install(self, before: str) -> None:
        """Puts a kerasport in place that does something first."""
        code = f"{before}from kerasport.cli import main; main()"
        executable(self.bin / "kerasport", f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')

    def bash(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "RUNNER_TEMP": str(self.temp),
            "KERASPORT_BIN": str(self.bin),
            "GITHUB_ACTION_PATH": str(ROOT),
            **{name: str(path) for name, path in self.files.items()},
            **variables,
        }
        path = self.temp / "step.sh"
        path.write_text(script, encoding="utf-8")
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(path)]
        return subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True, check=False)

    def step(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Runs a step with the inputs of the action."""
        given = {key: value.get("default", "") for key, value in ACTION["inputs"].items()}
        given |= {key.replace("_", "-"): value for key, value in inputs.items()}
        expressions = {
            key: re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text) for key, text in STEPS[name]["env"].items()
        }
        variables = {key: given[match[1]] for key, match in expressions.items() if match is not None}
        assert variables.keys() == expressions.keys()
        return self.bash(STEPS[name]["run"], **variables)

    def written(self, name: str) -> str:
        path = self.files[name]
        return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_inputs_reach_the_shell_only_as_variables() -> None:
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert ("run" in step) == (step.get("shell") == "bash")
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert used == ACTION["inputs"].keys()
    assert all("description" in item for item in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))


def test_reports_are_summarized_and_uploaded_also_of_failures() -> None:
    *_, summary, upload = ACTION["runs"]["steps"]
    assert summary["if"] == "always()"
    assert upload["if"].startswith("always()")
    assert upload["uses"].startswith("actions/upload-artifact@v")
    assert upload["with"]["path"] == "${{ inputs.report-folder }}/kerasport.*"


def test_a_model_is_converted_validated_and_reported(runner: Runner, seed_model: Path) -> None:
    (runner.work / ODD).write_bytes(seed_model.read_bytes())
    inputs = {"model": ODD, "output": f"out put/{ODD}.onnx", "report_folder": "re ports", "arguments": "--opset '17'"}
    done = runner.step(CONVERT, **inputs)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in runner.work.iterdir()} == {ODD, "out put", "re ports"}
    assert (runner.work / "out put" / f"{ODD}.onnx").is_file()
    assert {path.name for path in (runner.work / "re ports").iterdir()} == {
        f"kerasport.{suffix}" for suffix in ("json", "md", "html", "xml")
    }
    found = json.loads((runner.work / "re ports" / "kerasport.json").read_text(encoding="utf-8"))
    assert (found["outcome"], found["options"]["opset"]) == ("passed", 17)
    assert runner.written("GITHUB_OUTPUT") == "outcome=passed\n"
    assert runner.step(SUMMARY, **inputs).returncode == 0
    assert runner.written("GITHUB_STEP_SUMMARY").startswith("## ✅ kerasport convert: passed")


def test_a_mismatch_fails_the_step_and_is_reported(runner: Runner, seed_model: Path) -> None:
    runner.install(WRONG)
    done = runner.step(CONVERT, model=str(seed_model), output="model.onnx")
    assert done.returncode == 5
    assert runner.written("GITHUB_OUTPUT") == "outcome=mismatch\n"
    assert not (runner.work / "model.onnx").exists()
    runner.step(SUMMARY)
    assert "mismatch" in runner.written("GITHUB_STEP_SUMMARY").splitlines()[0]


def test_old_reports_are_not_taken_for_new_ones(runner: Runner, seed_model: Path) -> None:
    folder = runner.work / "kerasport-report"
    folder.mkdir()
    (folder / "kerasport.md").write_text("of another day", encoding="utf-8")
    done = runner.step(CONVERT, model=str(seed_model), output="model.onnx", arguments="--no-such-option")
    assert done.returncode == 2
    assert runner.written("GITHUB_OUTPUT") == "outcome=failed\n"
    assert runner.step(SUMMARY).returncode == 0
    assert runner.written("GITHUB_STEP_SUMMARY") == "## ❌ kerasport wrote no report; the log says why\n"


def test_arguments_with_an_open_quote_fail(runner: Runner, seed_model: Path) -> None:
    done = runner.step(CONVERT, model=str(seed_model), output="model.onnx", arguments="--weights 'my")
    assert done.returncode == 1
    assert "No closing quotation" in done.stderr
    assert not list(runner.work.iterdir())


@pytest.mark.parametrize(("spec", "installed"), [("", str(ROOT)), ("kerasport[yaml] >= 0.1; x", None)])
def test_it_installs_what_is_asked_for(spec: str, installed: str | None, runner: Runner, tmp_path: Path) -> None:
    """A Python that makes the environment which is asked of it, with a pip that notes what it is given."""
    fake = tmp_path / "fake"
    fake.mkdir()
    executable(fake / "made", '#!/bin/sh\nprintf "%s\\n" "$@" > "$RUNNER_TEMP/arguments"\n')
    executable(fake / "python3", f'#!/bin/sh\nmkdir -p "$3/bin" && cp "{fake}/made" "$3/bin/python"\n')
    done = runner.bash(STEPS[INSTALL]["run"], SPEC=spec, PATH=f"{fake}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    arguments = (runner.temp / "arguments").read_text(encoding="utf-8").splitlines()
    assert arguments[:3] == ["-m", "pip", "install"]
    assert arguments[-2:] == ["--", installed or spec]
    assert runner.written("GITHUB_ENV") == f"KERASPORT_BIN={runner.temp}/kerasport/bin\n"


def test_the_workflow_uses_what_the_action_has() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "models.yml").read_text(encoding="utf-8"))
    (ours,) = (step for step in workflow["jobs"]["onnx"]["steps"] if step.get("uses") == "./")
    assert ours["with"].keys() <= ACTION["inputs"].keys()
    assert {name for name, item in ACTION["inputs"].items() if item.get("required")} <= ours["with"].keys()
    assert (ROOT / ours["with"]["model"]).is_file()


@pytest.mark.parametrize(("before", "code"), [("", 0), (WRONG, 5)])
def test_the_lines_for_other_cis_do_what_they_say(before: str, code: int, runner: Runner, seed_model: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = readme.split("<!-- ci -->\n```sh\n")[1].split("```\n<!-- /ci -->")[0]
    assert len(lines.splitlines()) == 3
    executable(runner.bin / "pip", "#!/bin/sh\n")
    runner.install(before)
    path = f"{runner.bin}:{os.environ['PATH']}"
    done = runner.bash(lines, PATH=path, MODEL=str(seed_model), ONNX="model.onnx")
    assert done.returncode == code, done.stderr
    assert (runner.work / "model.onnx").exists() == (code == 0)
    assert len(list((runner.work / "reports").iterdir())) == 3
