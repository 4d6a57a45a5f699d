"""Layers that were published in two forms which files do not tell apart: told, and decided by a line of a plugin."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from kerasport import load, reference
from kerasport.custom.registry import CUSTOM
from kerasport.custom.scaffold import scaffold
from kerasport.ecosystem.undecided import LAYERS
from kerasport.errors import UnsupportedModelError
from kerasport.export import translate
from kerasport.export.writer import to_bytes
from tests.test_goldens import run_onnx

FILES = [Path(__file__).parents[2] / "fixtures" / "custom" / f"undecided.{suffix}" for suffix in ("h5", "keras")]
TRUE = ("masks_zero=True", "activation='relu'", "causal=True")


def decided(path: Path, folder: Path, *choices: str) -> Path:
    """What scaffold writes, with the choices made."""
    plugin = folder / "mine.py"
    text = re.sub(r'raise unfinished\("(return .*\)), or .*\)', r"\1", scaffold(path, output=plugin).text)
    for choice in choices:
        text = re.sub(rf"\b{choice.partition('=')[0]}=[^)\n]+\)", f"{choice})", text)
    plugin.write_text(text)
    return plugin


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix)
def test_the_skeleton_with_the_choices_made_agrees_with_keras(path: Path, tmp_path: Path) -> None:
    arrays = np.load(f"{path}.npz")
    with CUSTOM.apart(), load(path, plugins=[decided(path, tmp_path, *TRUE)]) as model:
        (output,) = model.graph.output_names
        expected = arrays[next(name for name in arrays if name != "words")]
        for found in (
            run_onnx(to_bytes(translate(model.graph), {}), [arrays["words"]]),
            reference.run(model.graph, [arrays["words"]]),
        ):
            np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5, err_msg=output)


@pytest.mark.parametrize("others", [["masks_zero=False"], ["masks_zero=False", "activation='gelu'"], ["causal=False"]])
def test_the_other_form_computes_something_else(others: list[str], tmp_path: Path) -> None:
    words = np.load(f"{FILES[0]}.npz")["words"]
    found = []
    for choices in ((*TRUE, *others[:-1]), (*TRUE, *others)):
        with CUSTOM.apart(), load(FILES[0], plugins=[decided(FILES[0], tmp_path, *choices)]) as model:
            found.append(reference.run(model.graph, [words])[0])
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_both_forms_are_told() -> None:
    with load(FILES[0]) as model, pytest.raises(UnsupportedModelError) as error:
        model.graph  # noqa: B018
    for layer in LAYERS.values():
        for choice, meaning in layer.choices.items():
            assert f"{choice} ({meaning})" in str(error.value)
    assert str(error.value).count(f"kerasport scaffold {FILES[0]} --output my_layers.py") == len(LAYERS)


def test_masks_are_refused_where_it_is_not_known_what_they_do(tmp_path: Path) -> None:
    plugin = decided(FILES[0], tmp_path, *TRUE, "activation='gelu'")
    with CUSTOM.apart(), load(FILES[0], plugins=[plugin]) as model:
        assert "masks are supported only where its activation is relu" in str(model.assembly.problems)


def test_a_plugin_may_name_the_class_as_an_archive_does(tmp_path: Path) -> None:
    plugin = decided(FILES[1], tmp_path, *TRUE)
    plugin.write_text(plugin.read_text().replace('@compose("', '@compose("Custom>'))
    with CUSTOM.apart(), load(FILES[1], plugins=[plugin]) as model:
        assert not model.assembly.problems
