"""Resolves the functions that a function calls: Python's, NumPy's on constants, and those on tensors."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from kerasport.errors import LayerError
from kerasport.lambdas import constants, helpers, inner_layers, names, rows, source
from kerasport.lambdas.functions import Function
from kerasport.lambdas.python import PYTHON
from kerasport.lambdas.values import Name, Shape, Tensor, words

if TYPE_CHECKING:
    from kerasport.lambdas.tensors import Tensors

_MATH = words(
    "sqrt exp log log2 log10 pow floor ceil sin cos tan asin acos atan atan2 sinh cosh tanh fabs hypot isnan"
    " isinf log1p expm1 prod gcd degrees radians"
)
_NUMPY = words(
    "array asarray float32 float64 int32 int64 float16 sqrt exp log log2 log10 power square abs absolute prod sum"
    " mean max min arange linspace zeros ones full eye identity reshape transpose expand_dims squeeze concatenate"
    " stack vstack hstack repeat tile meshgrid sin cos tan arctan2 floor ceil round sign maximum minimum cumsum"
    " outer dot diag tril triu hanning hamming zeros_like ones_like amax amin std var float int bool_ ravel flip"
    " roll newaxis add subtract multiply divide logspace split array_split argmax argmin argsort sort where clip"
    " radians"
)
_RANDOM = ("random", "dropout", "shuffle", "multinomial", "categorical")
_CTC = "it computes the loss of CTC, which serves training alone"
_CTC_HINT = "in Keras, save the model from its image or sound to its prediction: Model(inputs, y_pred).save(...)"
_WITH_FUNCTION = ("foldr", "scan", "while_loop", "fori_loop", "py_func", "py_function", "numpy_function")


def call(tensors: Tensors, function: Name, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Calls what a name means.

    Raises:
        LayerError: It is not supported, or not with these arguments.
    """
    head, _, name = function.path.partition(".")
    if head in _DIRECT:
        return _DIRECT[head](tensors, name, *args, **kwargs)
    if head in ("math", "np", "dtype"):
        return _on_constants(tensors, head, name, args, kwargs)
    defined = _defined(function.path)
    if defined is not None:
        return defined(tensors, tensors.effort, args, kwargs)
    if inner_layers.makes(function):
        return inner_layers.made(tensors, function, args, kwargs)
    from kerasport.lambdas import frameworks

    found = frameworks.call(tensors, head, name, args, kwargs)
    if found is frameworks.UNKNOWN:
        raise _unknown(tensors, function)
    return found


_HELPERS = {"mapped": rows, "folded": rows, "scanned": rows, "carried": rows}
# What is called at once, by the module of its name.
_DIRECT: dict[str, Callable[..., Any]] = {
    "python": lambda tensors, name, *args, **kwargs: PYTHON[name](tensors, *args, **kwargs),
    "own": lambda tensors, name, *args, **kwargs: getattr(_HELPERS.get(name, helpers), name)(tensors, *args, **kwargs),
    "op": lambda tensors, name, *args, **kwargs: tensors.operation(name, *args, **kwargs),
}


@cache
def _defined(path: str) -> Function | None:
    text = names.definition(path)
    return None if text is None else source.function(text, _scope)


def _scope(semantics: Any, name: str) -> Any:
    """Names in definitions: capitalised ones are operations, helpers are own functions, others as everywhere."""
    if name[0].isupper() and len(name) > 1:
        return Name(f"op.{name}")
    if name in helpers.NAMES:
        return Name(f"own.{name}")
    return semantics.named(name)


def _unknown(tensors: Tensors, function: Name) -> LayerError:
    name = function.path.rpartition(".")[2]
    if "ctc" in name:
        return LayerError(_CTC, _CTC_HINT)
    if any(word in function.path for word in _RANDOM):
        return tensors.random(function.label)
    if name in _WITH_FUNCTION:
        return LayerError(f"{function.label} runs a Python function over a tensor")
    from kerasport.lambdas import frameworks

    head = function.path.partition(".")[0]
    near = difflib.get_close_matches(function.path, frameworks.known(head), n=1, cutoff=0.8)
    hint = f"the nearest supported function is {near[0]}" if near else ""
    return LayerError(f"its function calls {function.label}, which is not supported", hint)


def _on_constants(tensors: Tensors, module: str, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    label = f"{'np' if module == 'dtype' else module}.{name}"
    if any(isinstance(arg, Tensor) for arg in (*args, *kwargs.values())):
        if module == "dtype":
            return tensors.operation("Cast", args[0], dtype=name)
        raise LayerError(f"its function calls {label} on a tensor, which fails in Keras too")
    allowed = _MATH if module == "math" else _NUMPY
    if name not in allowed:
        raise LayerError(f"its function calls {label}, which is not supported")
    plain = [_plain(arg) for arg in args]
    named = {key: _plain(value) for key, value in kwargs.items()}
    constants.measure(*plain, *named.values())
    constants.refuse_size(_SIZES.get(name, _of_all)(*plain, **named))
    if module == "math":
        return constants.done(lambda: _math(name)(*plain, **named), label)
    import numpy as np

    return constants.done(lambda: getattr(np, name)(*plain, **named), label)


def _math(name: str) -> Callable[..., Any]:
    return getattr(math, name)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, Function | dict):
        raise LayerError(f"its function gives {constants.shown(value)} to a function of numbers")
    value = names.text_of(value)
    return list(value) if isinstance(value, Shape) else value


def _of_all(*args: Any, **kwargs: Any) -> float:
    """No array that a function makes is larger than all that it is given, multiplied."""
    return math.prod(max(_count(value), 1) for value in (*args, *kwargs.values()))


def _count(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(map(_count, value))
    return int(getattr(value, "size", 1))


def _shaped(shape: Any, *_: Any, **__: Any) -> float:
    sizes = shape if isinstance(shape, list | tuple) else [shape]
    return math.prod(abs(size) for size in sizes if isinstance(size, int))


def _squared(rows: Any = 1, columns: Any = None, *_: Any, **__: Any) -> float:
    return _shaped([rows, columns or rows])


def _repeated(x: Any, times: Any = 1, *_: Any, **named: Any) -> float:
    return _count(x) * _shaped(named.get("reps", named.get("repeats", times)))


def _counted(*bounds: Any, **named: Any) -> float:
    numbers = [value for value in (*bounds, *named.values()) if isinstance(value, int | float)]
    step = abs(numbers[2]) if len(numbers) > 2 and numbers[2] else 1
    return sum(map(abs, numbers[:2])) / step


def _spaced(_: Any = 0, __: Any = 0, num: Any = 50, *___: Any, **____: Any) -> float:
    return float(num) if isinstance(num, int) else math.inf


# How many numbers there will be, for functions that make more of them than they are given.
_SIZES: dict[str, Callable[..., float]] = {
    **dict.fromkeys(("zeros", "ones", "full", "hanning", "hamming"), _shaped),
    **dict.fromkeys(("eye", "identity", "tri"), _squared),
    **dict.fromkeys(("tile", "repeat"), _repeated),
    **dict.fromkeys(("linspace", "logspace"), _spaced),
    **dict.fromkeys(
        ("add", "subtract", "multiply", "divide", "maximum", "minimum"), lambda x, y: _count(x) * _count(y)
    ),
    **dict.fromkeys(("array", "asarray", "concatenate", "stack", "vstack", "hstack"), lambda x, *_, **__: _count(x)),
    "arange": _counted,
}
