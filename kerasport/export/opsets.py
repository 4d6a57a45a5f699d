"""Which ONNX opsets can be written, and the lowest IR version that each is valid with."""

from __future__ import annotations

from kerasport.errors import OptionError

OLDEST = 13
DEFAULT = 20
BLOCKED_POOLS = 18
# The first IR version whose onnx release knew the opset: https://onnx.ai/onnx/repo-docs/Versioning.html
_IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13}


def newest() -> int:
    """The newest opset that the installed onnx and ONNX Runtime both know, as far as this table goes."""
    import onnx

    return min(onnx.defs.onnx_opset_version(), max(_IR_VERSIONS), _runtime_opset())


def _runtime_opset() -> int:
    """What the installed ONNX Runtime supports; its releases since 1.14 (opset 18) by their minor version."""
    try:
        import onnxruntime
    except ImportError:
        return max(_IR_VERSIONS)
    minor = int(onnxruntime.__version__.split(".")[1])
    known = {14: 18, 15: 19, 16: 19, 17: 20, 18: 21, 19: 21, 20: 21, 21: 22, 22: 22, 23: 23, 24: 24}
    return max((opset for release, opset in known.items() if release <= minor), default=OLDEST)


def checked(opset: int | None) -> int:
    """The opset to write.

    Raises:
        OptionError: It is outside what can be written.
    """
    if opset is None:
        return DEFAULT
    if opset < OLDEST or opset > (top := newest()):
        raise OptionError(f"Opset {opset} cannot be written.", f"Choose one from {OLDEST} to {newest()}.")
    return min(opset, top)


def ir_version(opset: int) -> int:
    """The lowest IR version that is valid for an opset."""
    return _IR_VERSIONS[opset]
