"""Stored functions read: from bytecode, from the user's text, or by the name of one of Keras's own."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas import bytecode, machine, marshal, source, text
from kerasport.lambdas.functions import Function, Parameters
from kerasport.lambdas.names import place
from kerasport.lambdas.stored import StoredFunction
from kerasport.lambdas.values import Name

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
# Where Keras's own functions are, of which a file has the code as if they were the user's.
_OWN = {
    "K": re.compile(r"keras/(?:src/)?(?:legacy/)?backend(?:/\w+_backend)?\.py$"),
    "imagenet": re.compile(r"keras/(?:src/)?applications/imagenet_utils\.py$"),
}
# What TensorFlow wraps around each of its functions: Keras saves the wrapper, and at most a name of what is inside.
_WRAPPER = re.compile(r"tensorflow/python/util/(?:dispatch|traceback_utils)\.py$")


def read(stored: StoredFunction) -> tuple[Function, str]:
    """A stored function, and its text.

    Raises:
        LayerError: Its code cannot be read, or is not there.
    """
    if stored.written:
        return source.function(stored.written), stored.written
    if stored.unclear:
        raise LayerError(stored.unclear)
    if not stored.code:
        return _named(stored)
    program = bytecode.program(_code(stored.code))
    path = program.code.filename.replace("\\", "/")
    if _WRAPPER.search(path):
        raise LayerError(f"its function is one of TensorFlow's own, of which the file has {_wrapped(stored)}")
    own = next((module for module, place in _OWN.items() if place.search(path)), "")
    if own and program.code.name != "<lambda>":
        return _of_module(Name(f"{own}.{program.code.name}"))
    found = machine.function(program, stored.defaults, stored.closure)
    return found, text.source(found, program.code.names)


def _wrapped(stored: StoredFunction) -> str:
    names = [value for value in stored.closure if isinstance(value, str) and value != "op_dispatch_handler"]
    return f"only the name {names[0]!r}" if names else "not even the name"


def _code(code: str) -> list[marshal.Code]:
    if _BASE64.fullmatch(code):
        try:
            return marshal.readings(base64.b64decode(code, validate=False))
        except (binascii.Error, LayerError):
            if code.isascii() and "\n" in code:
                raise
    return marshal.readings(code.encode("raw_unicode_escape"))


def _named(stored: StoredFunction) -> tuple[Function, str]:
    found = place(stored.module, stored.name)
    if found is None:
        named = f"only the name of its function is in the file, {stored.name!r}"
        raise LayerError(named if stored.name else "it has no function")
    return _of_module(found)


def _of_module(name: Name) -> tuple[Function, str]:
    def run(semantics: Any, effort: Any, variables: Mapping[str, Any]) -> Any:
        return semantics.call(name, variables["args"], variables["kwargs"])

    return Function(name.path, Parameters((), rest="args", others="kwargs"), run), name.path
