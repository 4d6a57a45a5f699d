"""The rules that hold the house up, read off the code itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from kerasport.dialect.canonical import CONTAINERS
from kerasport.export import EXPORT
from kerasport.layers import FAMILIES, LAYERS
from kerasport.layers.base import Spec
from kerasport.layers.registry import BackendRegistry, LayerRegistry
from kerasport.reference import REFERENCE
from tests.goldens import golden_classes, goldens

PACKAGE = Path(__file__).parent.parent / "kerasport"
SOURCES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The absolute names that a module imports anywhere, for type checking excepted."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", sorted((PACKAGE / "reference").glob("*.py")), ids=lambda path: path.stem)
def test_reference_knows_only_numpy_layers_graph_and_errors(path: Path) -> None:
    allowed = ("numpy", "kerasport.layers", "kerasport.graph", "kerasport.errors", "kerasport.reference")
    standard = sys.stdlib_module_names
    for name in imported(path):
        assert name.startswith(allowed) or name.split(".")[0] in standard or name == "kerasport", name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_imports_a_framework_or_executes_code(path: Path) -> None:
    forbidden = {"tensorflow", "keras", "tf_keras", "torch", "jax", "pickle", "marshal", "shelve", "dill", "joblib"}
    assert not {name.split(".")[0] for name in imported(path)} & forbidden
    calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    assert not calls & {"eval", "exec", "compile", "__import__"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_only_the_command_line_knows_click_and_rich(path: Path) -> None:
    if path.parent.name != "cli":
        assert not {name.split(".")[0] for name in imported(path)} & {"click", "rich"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "layers").glob("*.py")), ids=lambda path: path.stem)
def test_specs_know_no_back_end(path: Path) -> None:
    roots = {"onnx", "kerasport.export", "kerasport.reference", "kerasport.reader"}
    assert not {name for name in imported(path) if name.startswith(tuple(roots))}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, node.name


def all_specs() -> list[type[Spec]]:
    """Every spec class that can stand in a graph."""

    def below(cls: type[Spec]) -> list[type[Spec]]:
        return [cls, *(found for sub in cls.__subclasses__() for found in below(sub))]

    registered = {entry.spec for entry in LAYERS}
    return [spec for spec in below(Spec) if spec in registered or not spec.__subclasses__()]


@pytest.mark.parametrize("spec", all_specs(), ids=lambda spec: spec.__name__)
def test_every_spec_has_a_reference_and_a_translation(spec: type[Spec]) -> None:
    assert spec.infer is not Spec.infer
    assert spec in REFERENCE
    assert spec in EXPORT


def test_every_layer_has_a_golden_case_from_a_real_keras() -> None:
    missing = {entry.name.partition(" (")[0] for entry in LAYERS} - golden_classes()
    assert not missing


def test_every_container_is_in_a_golden_case() -> None:
    assert {"Sequential", "Functional", "Model", "TimeDistributed"} <= golden_classes()
    assert {"Sequential", "Functional", "Model"} <= CONTAINERS


def test_a_second_registration_is_refused() -> None:
    layers = LayerRegistry({"base": "Twice"})
    layers.register("Twice")(Spec)
    with pytest.raises(ValueError, match="registered twice"):
        layers.register("Twice")(Spec)
    functions: BackendRegistry[object] = BackendRegistry("the reference", "kerasport.reference")
    functions.register(Spec)(print)
    with pytest.raises(ValueError, match="registered twice"):
        functions.register(Spec)(print)


def test_a_layer_that_its_family_does_not_list_is_refused() -> None:
    with pytest.raises(ValueError, match="missing in the list of the family 'base'"):
        LayerRegistry({"other": "Layer"}).register("Layer")(Spec)


def test_each_family_registers_the_layers_that_are_listed_for_it() -> None:
    listed = {name: family for family, names in FAMILIES.items() for name in names.split(", ")}
    assert {entry.name: entry.family for entry in LAYERS} == listed


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_help_and_version_load_neither_onnx_nor_numpy_nor_h5py() -> None:
    code = (
        "import sys\nfrom kerasport.cli.main import run\n"
        "for arguments in (['--help'], ['--version']): run(arguments, False)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'onnx', 'numpy', 'h5py', 'onnxruntime', 'rich'}))"
    )
    assert run_python(code).strip().endswith("[]")


def test_inspect_loads_no_back_end(tmp_path: Path) -> None:
    model = goldens("core")[0].model(tmp_path)
    code = (
        f"import sys, kerasport\nkerasport.inspect({str(model)!r})\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'onnx', 'onnxruntime', 'tensorflow', 'keras'}))"
    )
    assert run_python(code).strip() == "[]"


def test_converting_and_predicting_loads_no_framework(tmp_path: Path) -> None:
    golden = goldens("core", "dense_3d")[0]
    model = golden.model(tmp_path)
    code = (
        f"import sys, kerasport\nkerasport.convert({str(model)!r}, {str(tmp_path / 'm.onnx')!r})\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow', 'keras', 'torch', 'jax'}))"
    )
    assert run_python(code).strip() == "[]"


def test_the_reference_engine_predicts_without_onnx_and_onnx_runtime(tmp_path: Path) -> None:
    model = goldens("core", "dense_3d")[0].model(tmp_path)
    code = (
        "import sys\nsys.modules['onnx'] = sys.modules['onnxruntime'] = None\n"
        f"import numpy, kerasport\nx = numpy.zeros((2, 4, 5), 'float32')\n"
        f"print(len(kerasport.predict({str(model)!r}, x, engine='reference')))"
    )
    assert run_python(code).strip() == "2"
