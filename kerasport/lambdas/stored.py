"""A Lambda's function as a file has it, whichever Keras wrote it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas import bytecode, machine, marshal, source, text
from kerasport.lambdas.functions import Function, Parameters
from kerasport.lambdas.names import place
from kerasport.lambdas.values import Name

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
# Where Keras's own functions are, of which a file has the code as if they were the user's.
_OWN = {
    "K": re.compile(r"keras/(?:src/)?(?:legacy/)?backend(?:/\w+_backend)?\.py$"),
    "imagenet": re.compile(r"keras/(?:src/)?applications/imagenet_utils\.py$"),
}
# What TensorFlow wraps around each of its functions: Keras saves the wrapper, and at most a name of what is inside.
_WRAPPER = re.compile(r"tensorflow/python/util/(?:dispatch|traceback_utils)\.py$")


@dataclass(frozen=True)
class StoredFunction:
    """A function.

    Attributes:
        code: Its marshalled code as text: base64, or with each byte as a character; "" where the file has none.
        defaults: Of its last parameters.
        closure: The values of variables around it.
        name: Its name, where the file has no code.
        module: The module that has it, where the file says so.
        written: Its text, where the user has given one.
        unclear: Why it cannot be said what the layer does with it, or "".
    """

    code: str = ""
    defaults: tuple[Any, ...] = ()
    closure: tuple[Any, ...] = ()
    name: str = ""
    module: str = ""
    written: str = ""
    unclear: str = ""

    def read(self) -> tuple[Function, str]:
        """The function, and its text.

        Raises:
            LayerError: Its code cannot be read, or is not there.
        """
        if self.written:
            return source.function(self.written), self.written
        if self.unclear:
            raise LayerError(self.unclear)
        if not self.code:
            return self._named()
        program = bytecode.program(self._code())
        path = program.code.filename.replace("\\", "/")
        if _WRAPPER.search(path):
            raise LayerError(f"its function is one of TensorFlow's own, of which the file has {self._wrapped()}")
        own = next((module for module, place in _OWN.items() if place.search(path)), "")
        if own and program.code.name != "<lambda>":
            return _of_module(Name(f"{own}.{program.code.name}"))
        found = machine.function(program, self.defaults, self.closure)
        return found, text.source(found, program.code.names)

    def _wrapped(self) -> str:
        names = [value for value in self.closure if isinstance(value, str) and value != "op_dispatch_handler"]
        return f"only the name {names[0]!r}" if names else "not even the name"

    def _code(self) -> list[marshal.Code]:
        if _BASE64.fullmatch(self.code):
            try:
                return marshal.readings(base64.b64decode(self.code, validate=False))
            except (binascii.Error, LayerError):
                if self.code.isascii() and "\n" in self.code:
                    raise
        return marshal.readings(self.code.encode("raw_unicode_escape"))

    def _named(self) -> tuple[Function, str]:
        found = place(self.module, self.name)
        if found is None:
            what = f"only the name of its function is in the file, {self.name!r}" if self.name else "it has no function"
            raise LayerError(what)
        return _of_module(found)


def _of_module(name: Name) -> tuple[Function, str]:
    def run(semantics: Any, effort: Any, variables: Mapping[str, Any]) -> Any:
        return semantics.call(name, variables["args"], variables["kwargs"])

    return Function(name.path, Parameters((), rest="args", others="kwargs"), run), name.path
