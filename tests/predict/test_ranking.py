"""The most probable classes and their names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kerasport.errors import InputError, OptionError
from kerasport.prediction.ranking import ranking, read_labels
from tests.predict.reading import port

SCORES = np.array([[0.1, 0.5, 0.2, 0.2], [0.7, 0.1, 0.1, 0.1], [np.nan] * 4], "float32")


def test_the_highest_come_first_and_of_equals_the_first() -> None:
    found = ranking([port("p", 4), port("other", 2, 2)], 3, ["a", "b", "c", "d"])({"id": np.arange(3), "p": SCORES})
    assert list(found) == ["id", "p_class", "p_label", "p_score"]
    assert found["p_class"].tolist() == [[1, 2, 3], [0, 1, 2], [-1, -1, -1]]
    assert found["p_label"].tolist() == [["b", "c", "d"], ["a", "b", "c"], ["", "", ""]]
    np.testing.assert_array_equal(found["p_score"][:2], np.array([[0.5, 0.2, 0.2], [0.7, 0.1, 0.1]], "float32"))


def test_classes_have_numbers_where_they_have_no_names() -> None:
    assert list(ranking([port("p", 4)], 1)({"p": SCORES})) == ["p_class", "p_score"]


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("l.txt", "tench\ngold fish\n", ["tench", "gold fish"]),
        ("l.txt", "\ufefftench\r\n\r\nshark", ["tench", "", "shark"]),
        ("l.json", json.dumps({"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}), ["tench", "goldfish"]),
        ("l.json", json.dumps({"1": "b", "0": "a"}), ["a", "b"]),
        ("l.json", json.dumps(["a", "b"]), ["a", "b"]),
    ],
)
def test_labels_are_read(tmp_path: Path, name: str, text: str, labels: list[str]) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert read_labels(tmp_path / name) == labels


@pytest.mark.parametrize("text", ["{", '{"1": "a"}', '"a"', "[1, 2]", '{"0": ["n1"]}', "3", "\udcff"])
def test_what_holds_no_labels_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "l.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError, match="labels"):
        read_labels(path)


@pytest.mark.parametrize(
    ("shape", "top", "labels", "message"),
    [
        ((4,), 5, [], "--top 5: the output 'p' has 4 classes"),
        ((4,), 1, ["a"], "The labels are 1, and the classes of 'p' 4"),
        ((4, 4), 1, [], "ranks outputs of shape"),
    ],
)
def test_what_cannot_be_ranked_is_explained(shape: tuple[int, ...], top: int, labels: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ranking([port("p", *shape)], top, labels)
