"""Reports: what they say, that they are valid, and that a stranger's names do nothing in them."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from html.parser import HTMLParser
from math import inf
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.checking import Check
from kerasport.errors import FileError, MismatchError, OptionError, Problem
from kerasport.finite import NotFinite
from kerasport.report import FORMATS, Report, render, write
from kerasport.report.chart import Scale
from kerasport.report.markdown import code
from kerasport.report.text import number, visible
from kerasport.validation import LayerError, Tolerance, Validation
from tests import validations
from tests.conftest import Outcome

Run = Callable[..., Outcome]
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def report(validation: Validation | None, *checks: Check, command: str = "validate") -> Report:
    return Report.of(*(checks or [Check(Path("model.h5"))]), validation=validation, command=command)


def refused() -> Check:
    problems = (Problem("a|b", "it is <code>", "do | this"), Problem("second", "it is a Lambda"))
    return Check(Path("odd.h5"), 4, problems)


# --- all formats


@pytest.mark.parametrize("suffix", FORMATS)
def test_each_format_is_written_whole_by_its_suffix(suffix: str, tmp_path: Path) -> None:
    write(report(validations.many(5)), tmp_path / f"r{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"r{suffix}"]
    assert "block_0/conv_1" in (tmp_path / f"r{suffix}").read_text(encoding="utf-8")


def test_an_unknown_suffix_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"\.json, \.md, \.html, \.xml"):
        write(report(None), tmp_path / "r.json", tmp_path / "r.pdf")
    with pytest.raises(FileError, match="folder"):
        write(report(None), tmp_path / "no" / "r.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_outcome_has_a_report(suffix: str) -> None:
    for made in (
        report(validations.wrong()),
        report(validations.hostile()),
        report(None, refused(), command="convert"),
        report(None, Check(Path("a.h5")), refused(), command="check"),
        report(None, command="convert"),
    ):
        assert made.outcome in render(made, suffix).lower() or suffix in (".md", ".html")
        assert render(made, suffix).encode("utf-8")


# --- JSON


def test_the_json_is_strict_and_has_what_is_needed_to_repeat(seed_model: Path) -> None:
    made = Report.of(seed_model, onnx=seed_model, validation=validations.wrong(), options={"seed": 3})
    found = json.loads(render(made, ".json"), parse_constant=pytest.fail)
    assert found["schema"] == 2
    assert (found["outcome"], found["passed"], found["exit_code"]) == ("mismatch", False, 5)
    assert found["first_divergence"] == "block_0/conv_3"
    assert found["layers"][5]["max_abs"] is None
    digest = hashlib.sha256(seed_model.read_bytes()).hexdigest()
    assert [(f["role"], f["size"], f["sha256"]) for f in found["files"]] == [
        (role, seed_model.stat().st_size, digest) for role in ("source", "onnx")
    ]
    assert {"kerasport", "python", "platform", "numpy", "onnx", "onnxruntime"} <= found["environment"].keys()
    assert found["environment"]["onnx"] == onnx.__version__
    assert found["options"] == {"seed": 3}


def test_external_data_and_separate_weights_are_among_the_files(seed_model: Path, tmp_path: Path) -> None:
    kp.convert(seed_model, tmp_path / "m.onnx", validate=False)
    model = onnx.load(tmp_path / "m.onnx")
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.weights", size_threshold=0)
    made = Report.of(seed_model, weights=seed_model, onnx=tmp_path / "m.onnx")
    assert [(file.role, file.path.name) for file in made.files] == [
        ("source", seed_model.name),
        ("weights", seed_model.name),
        ("onnx", "m.onnx"),
        ("onnx", "m.weights"),
    ]


# --- JUnit


def suite_of(made: Report) -> ElementTree.Element:
    """The parsed XML, after what the schemas of Surefire and Jenkins ask of it."""
    suite = ElementTree.fromstring(render(made, ".xml"))
    assert suite.tag == "testsuite"
    assert set(suite.attrib) == {"name", "time", "tests", "errors", "failures", "skipped"}
    assert re.fullmatch(r"\d*\.\d{3}", suite.attrib["time"])
    assert [child.tag for child in suite] == ["properties"] + ["testcase"] * int(suite.attrib["tests"])
    for prop in suite.iterfind("properties/property"):
        assert set(prop.attrib) == {"name", "value"}
    for case in suite.iterfind("testcase"):
        assert set(case.attrib) == {"classname", "name", "time"}
        for child in case:
            assert child.tag in ("failure", "error")
            assert set(child.attrib) == {"type", "message"}
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
    assert int(suite.attrib["errors"]) == len(suite.findall("testcase/error"))
    return suite


def test_each_layer_and_output_is_a_test_case() -> None:
    suite = suite_of(report(replace(validations.wrong(), expected=(validations.output("kept"),))))
    cases = suite.findall("testcase")
    assert [(case.attrib["classname"], case.attrib["name"]) for case in cases[-3:]] == [
        ("kerasport.model_h5.layers", "block_2/conv_11"),
        ("kerasport.model_h5.outputs", "predictions"),
        ("kerasport.model_h5.expected", "kept"),
    ]
    assert suite.attrib["failures"] == "2"
    failure = cases[3].find("failure")
    assert failure is not None
    assert failure.text is not None
    for text in ("81,234 roundings, where 32 are allowed", "bn_3", "translation stands alone", "[0, 1, 2, 3]"):
        assert text in failure.text


def test_each_reason_is_a_failing_test_case() -> None:
    suite = suite_of(report(None, refused(), command="convert"))
    assert [case.attrib["name"] for case in suite.iterfind("testcase")] == ["a|b", "second"]
    assert suite.attrib["failures"] == "2"
    unreadable = Check.failed(Path("no.h5"), FileError("It is damaged."))
    assert suite_of(report(None, unreadable, Check(Path("a.h5")), command="check")).attrib["errors"] == "1"


def test_hostile_names_are_valid_xml() -> None:
    names = [case.attrib["name"] for case in suite_of(report(validations.hostile())).iterfind("testcase")]
    assert len(names) == len(validations.HOSTILE) + 1
    assert "escape\\x1b[31m and\\x00null" in names
    assert "lone\\ud800surrogate" in names


# --- Markdown


def test_markdown_begins_with_the_verdict_and_hides_the_long_table() -> None:
    text = render(report(validations.wrong()), ".md")
    title, sentence, *_ = text.split("\n\n")
    assert title == "## ❌ kerasport validate: mismatch"
    assert "block_0/conv_3" in sentence
    before, _, after = text.partition("<details><summary>All 12 layers</summary>")
    assert before.count("\n| ") == 8 + 2
    assert after.partition("</details>")[0].count("\n| ") == 12 + 1 + 2


def test_tables_keep_their_columns_whatever_layers_are_called() -> None:
    text = render(report(validations.hostile()), ".md")
    rows = [line for line in text.splitlines() if line.startswith(("| ✅", "| ❌"))]
    assert len(rows) > len(validations.HOSTILE)
    for row in rows:
        assert len(re.split(r"(?<!\\)\|", row)) == 11, row
    assert "<script" not in text
    assert "</svg>" not in text
    assert "\x1b" not in text


def test_names_are_code_and_nothing_else() -> None:
    assert code("block1/conv_2") == "`block1/conv_2`"
    assert code("a|b") == "<code>a&#124;b</code>"
    assert code("@all `x`") == "<code>&#64;all &#96;x&#96;</code>"


def test_sentences_keep_words_and_lose_what_means_something() -> None:
    name = "snake_case _under_ *star* [a](https://x.y) www.x.y @all"
    problem = Problem("layer", name)
    text = render(report(None, Check(Path("m.h5"), 4, (problem,)), command="convert"), ".md")
    line = next(line for line in text.splitlines() if line.startswith("- `layer`"))
    assert "snake_case &#95;under&#95; &#42;star&#42; &#91;a&#93;(https&#58;//x.y) www&#46;x.y &#64;all" in line


def test_markdown_fits_a_comment_on_github() -> None:
    text = render(report(validations.many(5000)), ".md")
    assert len(text) < 65_536
    assert "more, which stand in the reports in HTML and JSON" in text


# --- HTML


class Reader(HTMLParser):
    """Notes the elements, and that they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read_page(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


def page_of(made: Report) -> Reader:
    return read_page(render(made, ".html"))


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    for validation in (validations.many(3), validations.many(300), validations.hostile()):
        made = report(validation)
        page = page_of(made)
        assert not page.tags.keys() & {"script", "link", "img", "iframe", "object", "base", "form", "input"}
        for name, value in page.attributes:
            assert name not in ("src", "style")
            assert not name.startswith("on")
            assert name != "href" or (value or "").startswith("#layer-")
        assert "url(" not in render(made, ".html")
        assert "@import" not in render(made, ".html")
        assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_names_are_texts_in_the_page() -> None:
    texts = page_of(report(validations.hostile())).texts
    assert "<script>alert(1)</script>" in texts
    assert "]]><!-- --></details></svg></style>" in texts
    assert "escape\\x1b[31m and\\x00null" in texts


def test_links_lead_to_rows_of_the_table() -> None:
    page = page_of(report(validations.many(30)))
    targets = {f"#{value}" for name, value in page.attributes if name == "id"}
    links = {value for name, value in page.attributes if name == "href"}
    assert links == targets
    assert len(targets) == 30


def test_few_layers_are_rows_and_many_are_columns() -> None:
    few, many = page_of(report(validations.many(3))), page_of(report(validations.many(300)))
    assert ("class", "row") in few.attributes
    assert ("class", "row") not in many.attributes
    assert few.attributes.count(("class", "dot")) == 3
    assert many.attributes.count(("class", "dot")) == many.attributes.count(("class", "hit")) == 300
    assert many.attributes.count(("class", "pin right")) == 10


@pytest.mark.parametrize("count", [3, 300])
def test_without_errors_in_the_chain_there_is_no_room_for_them(count: int) -> None:
    layers = [replace(layer, chained=None) for layer in validations.many(count).layers]
    text = render(report(validations.validation(*layers)), ".html")
    assert "own error, in roundings" in text
    assert "in the chain" not in text.partition("</style>")[2]


def test_thousands_of_layers_are_drawn_in_columns_of_the_worst() -> None:
    layers = [*validations.many(5000).layers]
    layers[1234] = validations.layer(1234, 99.0)
    page = page_of(report(validations.validation(*layers)))
    assert page.attributes.count(("class", "hit")) <= 600
    assert page.attributes.count(("class", "bar wrong")) == 1


def test_the_scale_is_logarithmic_and_has_room_for_everything() -> None:
    scale = Scale.over([0.5, 32.0, 81_234.0, 0.0, inf], -2)
    assert (scale.low, scale.high) == (-2, 5)
    assert [scale.part(value) for value in (0.0, 0.01, 1e5, inf, 1e9)] == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert scale.part(10.0) == pytest.approx(3 / 7)
    assert len(scale.ticks(4)) <= 4


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_no_input_has_reached_is_told(suffix: str) -> None:
    layer = validations.layer(0, dead=3, idle=("input gate never open",))
    text = render(report(validations.validation(layer)), suffix)
    assert "input gate never open" in text
    assert suffix == ".json" or "3 of 16 channels" in text


def test_the_page_says_everything() -> None:
    made = Report.of(
        Path("model.h5"),
        validation=replace(validations.wrong(), expected=(validations.output("kept"),)),
        options={"seed": 7, "opset": None},
        conversion={"nodes": 12345},
    )
    text = " ".join(page_of(made).texts)
    for part in (
        "Mismatch",
        "What disagrees",
        "our translation stands alone",
        "bn_3, pad_3",
        "81,234",
        "image: 3×8×8×3",
        "Predictions kept from Keras",
        "--seed",
        "12,345",
        made.environment["platform"],
    ):
        assert part in text, part
    assert "--opset" not in text


def test_errors_by_given_tolerances_are_drawn_relative() -> None:
    layers = [validations.layer(index, 3.0, allowed=None) for index in range(30)]
    text = " ".join(page_of(report(validations.validation(*layers, tolerance=Tolerance(1e-3, 1e-4)))).texts)
    assert "own error, relative" in text
    assert "in roundings" not in text


# --- texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (12.4866, "12.5"),
        (81234.0, "81,234"),
        (4.7684e-7, "4.77e-07"),
        (inf, "∞"),
        (None, "-"),
        (32.0, "32"),
    ],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number(value) == text


def test_names_are_shown_on_one_line_and_cut() -> None:
    assert visible("a\nb\u202ec\ud800") == "a\\nb\\u202ec\\ud800"
    assert len(visible("x" * 5000)) == 2000


# --- the commands


def wrongly_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasport.export.writer._stored", lambda array, values: values * np.float32(1.5))


def test_convert_writes_reports_of_all_formats(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    targets = [tmp_path / f"r{suffix}" for suffix in FORMATS]
    options = [part for target in targets for part in ("--report", target)]
    assert kerasport("convert", seed_model, tmp_path / "m.onnx", "--opset", 17, *options).code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"m.onnx", *(target.name for target in targets)}
    found = json.loads(targets[0].read_text(encoding="utf-8"))
    assert (found["command"], found["outcome"], found["conversion"]["opset"]) == ("convert", "passed", 17)
    assert found["options"]["opset"] == 17
    assert all(layer["chained"] is not None for layer in found["layers"])
    digest = hashlib.sha256((tmp_path / "m.onnx").read_bytes()).hexdigest()
    assert found["files"][1] == {
        "role": "onnx",
        "path": str(tmp_path / "m.onnx"),
        "size": (tmp_path / "m.onnx").stat().st_size,
        "sha256": digest,
    }


def test_a_mismatch_has_a_report_and_nothing_else(
    kerasport: Run, seed_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrongly_converted(monkeypatch)
    outcome = kerasport("convert", seed_model, tmp_path / "m.onnx", "--report", tmp_path / "r.json")
    assert outcome.code == 5
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
    found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (found["outcome"], found["first_divergence"], len(found["layers"])) == ("mismatch", "dense", 2)
    assert [file["role"] for file in found["files"]] == ["source"]
    with pytest.raises(MismatchError) as caught:
        kp.convert(seed_model, tmp_path / "m.onnx")
    assert caught.value.validation is not None
    assert not caught.value.validation.passed


def test_validate_prints_what_it_reports(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    kp.convert(seed_model, tmp_path / "m.onnx", validate=False)
    target = tmp_path / "r.json"
    outcome = kerasport("validate", seed_model, tmp_path / "m.onnx", "--json", "--report", target, "--seed", 4)
    printed, written = json.loads(outcome.out), json.loads(target.read_text(encoding="utf-8"))
    for found in (printed, written):
        del found["seconds"], found["created"]
    assert printed == written
    assert printed["options"]["seed"] == 4


def test_a_model_with_hostile_names_is_reported(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>|`\"&'\x1b]]>"
    model = tmp_path / "m.h5"
    model.write_bytes(seed_model.read_bytes())
    with h5py.File(model, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["config"]["name"] = name
        file.attrs["model_config"] = json.dumps(config)
        file["model_weights"].move("dense", name)
        names = file["model_weights"].attrs["layer_names"]
        file["model_weights"].attrs["layer_names"] = [
            name if known in ("dense", b"dense") else known for known in names
        ]
    targets = [tmp_path / f"r{suffix}" for suffix in FORMATS]
    assert kerasport("convert", model, tmp_path / "m.onnx", *(p for t in targets for p in ("--report", t))).code == 0
    texts = {target.suffix: target.read_text(encoding="utf-8") for target in targets}
    assert json.loads(texts[".json"])["layers"][0]["name"] == name
    assert ElementTree.fromstring(texts[".xml"]).findall("testcase")[0].attrib["name"] == visible(name)
    assert "<img" not in texts[".html"] + texts[".md"]
    assert visible(name) in read_page(texts[".html"]).texts


def test_a_file_that_cannot_be_read_has_a_report(kerasport: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.h5").write_bytes(b"no model")
    for command in (("convert", tmp_path / "bad.h5", tmp_path / "m.onnx"), ("check", tmp_path / "bad.h5")):
        assert kerasport(*command, "--report", tmp_path / "r.json").code == 3
        found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
        assert (found["outcome"], found["passed"], found["exit_code"]) == ("unreadable", False, 3)
        assert found["models"][0]["problems"][0]["what"]


def test_an_unexpected_error_has_a_report(
    kerasport: Run, seed_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, exit_code in ((ZeroDivisionError("by | zero"), 1), (MemoryError(), 7)):
        monkeypatch.setattr("kerasport.conversion._validated", _raising(error))
        outcome = kerasport("convert", seed_model, tmp_path / "m.onnx", "--report", tmp_path / "r.json")
        assert outcome.code == exit_code
        found = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
        assert (found["outcome"], found["exit_code"], found["passed"]) == ("failed", exit_code, False)


def _raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_the_file_at_fault_is_told(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    targets = [tmp_path / f"r{suffix}" for suffix in FORMATS]
    options = [part for target in targets for part in ("--report", target)]
    assert kerasport("validate", seed_model, tmp_path / "none.onnx", *options).code == 3
    found = json.loads(targets[0].read_text(encoding="utf-8"))
    assert [model["path"] for model in found["models"]] == [str(tmp_path / "none.onnx")]
    assert [file["path"] for file in found["files"]] == [str(seed_model)]
    assert found["verdict"] == f"{tmp_path / 'none.onnx'} does not exist."
    for target in targets[1:]:
        assert "none.onnx does not exist" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["r.pdf", "r", "m.onnx"])
def test_an_unknown_suffix_is_refused_before_any_work(
    target: str, kerasport: Run, tmp_path: Path, seed_model: Path
) -> None:
    outcome = kerasport("convert", seed_model, tmp_path / "m.onnx", "--report", tmp_path / target)
    assert outcome.code == 2
    assert "a report is written as .json, .md, .html, .xml" in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_report_does_not_take_the_place_of_the_model(kerasport: Run, tmp_path: Path) -> None:
    model = tmp_path / "model.json"
    model.write_text("{}", encoding="utf-8")
    outcome = kerasport("convert", model, tmp_path / "m.onnx", "--report", model)
    assert outcome.code == 2
    assert model.read_text(encoding="utf-8") == "{}"


def test_a_report_that_cannot_be_written_does_not_hide_the_failure(
    kerasport: Run, seed_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrongly_converted(monkeypatch)
    (tmp_path / "r.json").mkdir()
    outcome = kerasport("convert", seed_model, tmp_path / "m.onnx", "--report", tmp_path / "r.json")
    assert outcome.code == 5
    assert "No report" in outcome.err


def test_without_a_report_nothing_of_reports_is_loaded(seed_model: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom kerasport.cli.main import run\n"
        f"run(['convert', {str(seed_model)!r}, {str(tmp_path / 'm.onnx')!r}], False)\n"
        "print([name for name in sys.modules if name.startswith('kerasport.report')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- the documented schema


def documented(first: str, last: str) -> set[str]:
    """The keys that the README names from one item of its list to another."""
    items = README.split(f"- {first}:")[1].split(f"- {last}:")
    return set(re.findall(r"`([a-z_0-9]+)`", items[0] + items[1].split("\n\n")[0])) - {"null"}


def keys(value: object) -> set[str]:
    """All keys within, but for those of options and inputs, which are names."""
    if isinstance(value, dict):
        inner = (keys(item) for key, item in value.items() if key not in ("options", "shapes"))
        return set(value).union(*inner)
    return set().union(*map(keys, value)) if isinstance(value, list | tuple) else set()


def test_the_documented_keys_are_the_real_ones(seed_model: Path, tmp_path: Path) -> None:
    numbers = kp.convert(seed_model, tmp_path / "m.onnx", validate=False).numbers()
    validation = replace(validations.wrong(), not_finite=(NotFinite("dense_3", "kernel", 1, 2, 40),))
    made = Report.of(seed_model, refused(), validation=validation, conversion=numbers)
    assert documented("a report", "`tolerance`") == keys(json.loads(render(made, ".json")))
    assert documented("a report", "`tolerance`") >= {field.name for field in fields(LayerError)}
