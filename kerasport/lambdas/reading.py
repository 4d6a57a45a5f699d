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
from kerasport.lambdas.names import of_tensorflow, place
from kerasport.lambdas.stored import StoredFunction
from kerasport.lambdas.values import Name

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
# Where Keras's own functions are, of which a file has the code as if they were the user's.
_OWN = {
    "K": re.compile(r"keras/(?:src/)?(?:legacy/)?backend(?:/\w+_backend)?\.py$"),
    "imagenet": re.compile(r"keras/(?:src/)?applications/imagenet_utils\.py$"),
}
# TensorFlow's own functions. Of many, Keras saves what TensorFlow wraps around them, with the name of what is inside
# under one of these variables, and from 2.8 on without it.
_TENSORFLOW = re.compile(r"tensorflow(?:_core)?/python/(?!keras/)[\w/]+\.py$")
_WRAPPER = re.compile(r"/python/(?:util/\w+|ops/custom_gradient)\.py$")
_INSIDE = ("target", "dispatch_target", "func", "f", "fn")


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
    if _TENSORFLOW.search(path):
        return _of_module(of_tensorflow(_inside(program.code, stored) if _WRAPPER.search(path) else program.code.name))
    own = next((module for module, place in _OWN.items() if place.search(path)), "")
    if own and program.code.name != "<lambda>":
        return _of_module(Name(f"{own}.{program.code.name}"))
    found = machine.function(program, stored.defaults, stored.closure)
    return found, text.source(found, program.code.names)


def _inside(code: marshal.Code, stored: StoredFunction) -> str:
    """The name of the function that a wrapper is around."""
    around = dict(zip(code.freevars, stored.closure, strict=False))
    for name in (around.get(variable) for variable in _INSIDE):
        if isinstance(name, str) and name != "op_dispatch_handler":
            return name
    raise LayerError("its function is one of TensorFlow's own, of which the file has not even the name")


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
