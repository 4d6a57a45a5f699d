"""What a file is that is no Keras model, and how its user gets on."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from shlex import quote

from kerasport.errors import FileError, NotAModelError

_SAVE_AGAIN = "Save it again from Keras as a whole model: model.save('model.h5')."
_AGAIN = "Download or copy it again."
_DOWNLOAD = "Download the file itself."
_CHECKPOINT = "Where the model is defined: model.load_weights('{}'), then model.save('model.h5')."
_TF2ONNX = "Use the Keras model that it was made from; or tf2onnx, without a proof: python -m tf2onnx.convert"


def _tf2onnx(source: str, more: str = "") -> str:
    return f"{_TF2ONNX} {source} --output model.onnx{more}"


_PACKED = (  # magic, name, and the command that unpacks it
    (b"\x1f\x8b", "gzip", "gzip -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\xfd7zXZ", "xz", "xz -dc"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "zstd -dc"),
)


def describe(path: Path, head: bytes, size: int) -> tuple[str, str]:
    """What a file is, and the way on.

    Args:
        path: The file.
        head: How it begins, at least 300 bytes where there are so many.
        size: Its size.
    """
    if not size:
        return "empty", _AGAIN
    if not head.strip(b"\x00"):
        return "nothing but zeros, at least in the beginning", _AGAIN
    for matches, what, hint in _KINDS:
        if matches(path, head):
            return what, hint(path) if callable(hint) else hint.replace("{}", quote(str(path)))
    return _zip(path) if head.startswith(b"PK\x03\x04") else _packed_or_text(path, head)


def _packed_or_text(path: Path, head: bytes) -> tuple[str, str]:
    for magic, name, command in _PACKED:
        if head.startswith(magic):
            return f"{name}-compressed", f"Decompress it first: {_unpacking(path, head, command)}"
    text = _text(head)
    if text is not None:
        return f"text that begins with {text!r}", f"If it was downloaded, that may be the server's answer. {_DOWNLOAD}"
    return (
        "in no format that kerasport knows",
        "kerasport reads what model.save() writes, and model.to_json() with --weights.",
    )


def directory(path: Path) -> FileError:
    """Why a directory is no model, and which of its files may be one."""
    whole = next((place for place in (path, path.parent, *_below(path)) if _is_saved_model(place)), None)
    if whole is not None:
        return NotAModelError(
            f"{path} is a TensorFlow SavedModel directory, not a Keras model file.", saved_model(whole)
        )
    if (path / "model.json").is_file():
        return NotAModelError(f"{path} is a directory.", f"Give the file in it: {path / 'model.json'}")
    if (path / "checkpoint").is_file():
        return NotAModelError(
            f"{path} is a directory of TensorFlow checkpoints.", _CHECKPOINT.replace("{}", f"{path}/...")
        )
    models = sorted(file.name for file in path.iterdir() if file.suffix in (".h5", ".hdf5", ".keras"))
    hint = f"Give one of the files in it: {', '.join(models[:5])}." if models else ""
    return NotAModelError(f"{path} is a directory, not a Keras model file.", hint)


def checkpoint(path: Path) -> FileError:
    """Why a checkpoint is no model."""
    return NotAModelError(f"{path} is a TensorFlow checkpoint.", _CHECKPOINT.replace("{}", str(path)))


def graph_model(path: Path) -> str:
    """How a model of TensorFlow.js that has no layers any more becomes an ONNX model."""
    return _tf2onnx(f"--tfjs {quote(str(path))}")


def _whole_checkpoint(part: Path) -> str:
    """The way on for a checkpoint, by one of its files."""
    return _CHECKPOINT.replace("{}", re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", str(part)))


def saved_model(folder: Path | str) -> str:
    """How a SavedModel becomes a file that kerasport reads."""
    code = f"import tensorflow as tf; tf.keras.models.load_model('{folder}').save('model.h5')"
    return f'With the TensorFlow that wrote it, up to 2.15: python -c "{code}"'


def tensorflow_js(path: Path) -> str:
    """How a model of TensorFlow.js that has layers becomes a file that kerasport reads."""
    options = "--input_format tfjs_layers_model --output_format keras"
    return f"Convert it back (pip install tensorflowjs): tensorflowjs_converter {options} {quote(str(path))} model.h5"


def _below(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir())


def _is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").exists() or (path / "keras_metadata.pb").exists()


def _starts(*prefixes: bytes) -> Callable[[Path, bytes], bool]:
    return lambda path, head: head.startswith(prefixes)


def _markup(*names: str) -> Callable[[Path, bytes], bool]:
    """Whether it is a document that begins with one of some tags, behind comments."""
    begin = re.compile(rf"\s*(<!--.*?-->\s*)*<({'|'.join(names)})\b".encode(), re.IGNORECASE | re.DOTALL)
    return lambda path, head: begin.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def _named(*patterns: str) -> Callable[[Path, bytes], bool]:
    return lambda path, head: any(path.match(pattern) for pattern in patterns)


def _onnx(path: Path, head: bytes) -> bool:
    """An IR version from 3 on, then the producer's name, which is text, its version, the graph or the opsets."""
    if len(head) < 5 or head[:1] != b"\x08" or not 3 <= head[1] < 32:
        return False
    return head[2:3] in (b"\x3a", b"\x42", b"\x1a") or (head[2:3] == b"\x12" and (not head[3] or head[4] >= 0x20))


def _pickled(path: Path, head: bytes) -> bool:
    """Protocols 2 to 5; and joblib's, which are compressed, or of protocol 0 or 1 in a file that is named so."""
    named = path.suffix in (".pkl", ".pickle", ".joblib", ".sav")
    return named or head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"ZF")


def _safetensors(path: Path, head: bytes) -> bool:
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30


def _zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "a damaged zip archive (a truncated download, most likely)", _AGAIN
    unpack = f"unzip {quote(str(path))}"
    for pattern, what, hint in _ZIPPED:
        found = next((name for name in names if re.search(pattern, name)), None)
        if found is not None:
            return what, hint.format(unpack=unpack, folder=found.rpartition("/")[0] or ".", name=found, path=path)
    return "a zip archive of another kind", f"If a model is inside, unpack it first: {unpack}"


def _unpacking(path: Path, head: bytes, command: str) -> str:
    """The command for a compressed file; gzip is looked into for a tar archive, others go by their names."""
    inside = zlib.decompressobj(31).decompress(head, 512) if command.startswith("gzip") else b""
    if inside[257:262] == b"ustar" or re.search(r"\.tar\.|\.t[gbx]z", path.name):
        return f"tar xf {quote(str(path))}"
    return f"{command} {quote(str(path))} > model.h5"


def _text(head: bytes) -> str | None:
    """The first line of a text; None for anything else."""
    try:
        text = head[:200].decode("utf-8", "ignore" if len(head) > 200 else "strict").strip()
    except UnicodeDecodeError:
        return None
    return text.split("\n")[0][:40] if text and text.replace("\n", "").replace("\t", "").isprintable() else None


_Kind = tuple[Callable[[Path, bytes], bool], str, str | Callable[[Path], str]]
# How a kind is recognised, what it is, and the way on, with {} for the file. The first that fits counts.
_KINDS: tuple[_Kind, ...] = (
    (_starts(b"version https://git-lfs"), "a git-LFS pointer, not the file itself", "Run `git lfs pull` where it is."),
    (_markup("!doctype html", "html", "head", "body", "script"), "an HTML page",
     f"The download returned a web page. {_DOWNLOAD}"),
    (_markup(r"\?xml"), "an XML document", f"The download may have returned an error message. {_DOWNLOAD}"),
    (lambda path, head: head[4:8] == b"TFL3", "a TensorFlow Lite model", _tf2onnx("--tflite {}")),
    (_starts(b"\x93NUMPY"), "a NumPy array (.npy)", "The first argument is the model; arrays go to --input."),
    (_starts(b"\x89PNG", b"\xff\xd8\xff"), "an image", "The first argument is the model; images go to --input."),
    (lambda path, head: head[257:262] == b"ustar", "a tar archive", "Unpack it first: tar xf {}"),
    (_starts(b"7z\xbc\xaf"), "a 7z archive", "Unpack it first: 7z x {}"),
    (_starts(b"Rar!"), "a RAR archive", "Unpack it first: unrar x {}"),
    (_named("*.index", "*.meta", "*.data-?????-of-?????", "checkpoint"), "a part of a TensorFlow checkpoint",
     _whole_checkpoint),
    (_named("group*-shard*of*"), "a shard of a TensorFlow.js model's weights", "Give its model.json."),
    (_pickled, "a Python pickle (PyTorch, joblib or other), which kerasport never loads",
     "If it is a Keras model and you trust it, load it in Python, and save it: model.save('model.h5')."),
    (_safetensors, "a safetensors file, which holds weights without a model",
     f"Load the weights into the model in Keras. {_SAVE_AGAIN}"),
    (_onnx, "already an ONNX model", "Use it as it is: kerasport predict {} --input data.npy"),
    (_starts(b"\x08\x01\x12"), "the graph of a TensorFlow SavedModel", lambda path: saved_model(path.parent)),
    (_starts(b"\x08"), "a protocol buffer (Core ML or other)", _SAVE_AGAIN),
    (_starts(b"\x0a"), "a protocol buffer (a frozen TensorFlow graph, most likely)",
     _tf2onnx("--graphdef {}", " --inputs x:0 --outputs y:0, with the names in the graph")),
)  # fmt: skip
# The same for zip archives, by the name of a member.
_ZIPPED = (
    (r"(^|/)saved_model\.pb$", "a zip archive of a TensorFlow SavedModel", "Unpack it: {unpack}, and give {folder}"),
    (r"\.(h5|hdf5|keras)$(?<!weights\.h5)", "a zip archive with a model in it", "Unpack it: {unpack}, and give {name}"),
    (r"shard\d+of\d+", "a zip archive of a TensorFlow.js model",
     "Unpack it: {unpack}, and give the model.json in {folder}"),
    (r"data\.pkl$", "a PyTorch file", "Export it with torch.onnx.export(model, example_input, 'model.onnx')."),
    (r"\.npy$", "a NumPy archive (.npz)", "The first argument is the model; arrays go to --input."),
    (r"^(model\.weights|variables)\.h5$", "a .keras archive without its config.json, so of weights only",
     f"{_SAVE_AGAIN[:-1]}; or {{unpack}}, and give {{name}} to --weights, behind the architecture."),
    (r"^config\.json$", "a .keras archive without its weights", _SAVE_AGAIN),
)  # fmt: skip
