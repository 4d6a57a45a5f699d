"""Python's built-in functions on constants, on tensors if defined there, and on lists of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kerasport.errors import LayerError
from kerasport.lambdas import constants
from kerasport.lambdas.functions import Function, Parameters
from kerasport.lambdas.values import Name, Tensor

if TYPE_CHECKING:
    from kerasport.lambdas.tensors import Tensors

PYTHON: dict[str, Callable[..., Any]] = {}


def _function(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        PYTHON.update(dict.fromkeys(names or (function.__name__.strip("_"),), function))
        return function

    return add


def _unordered(tensors: Tensors, values: Any) -> list[Any]:
    """What a function goes through whose result does not depend on the order, which a set does not promise."""
    return list(values) if isinstance(values, set | frozenset) else _numbers(tensors, values)


def _numbers(tensors: Tensors, values: Any) -> list[Any]:
    return tensors.effort.sized(tensors.items(values))


@_function("range", "xrange")
def _range(tensors: Tensors, *bounds: Any) -> list[int]:
    if not all(isinstance(bound, int) for bound in bounds) or not bounds:
        raise LayerError(
            "its function counts to a number that is not known: a size of the batch, or a value of a tensor"
        )
    found = constants.done(lambda: range(*bounds), "range")
    tensors.effort.counted(len(found))
    return list(found)


@_function()
def _len(_: Tensors, x: Any) -> Any:
    if isinstance(x, Tensor):
        if not x.shape or x.shape[0] is None:
            raise LayerError("its function asks for the number of samples in a batch")
        return x.shape[0]
    return constants.done(lambda: len(x), "len")


@_function()
def _list(tensors: Tensors, x: Any = ()) -> list[Any]:
    return _numbers(tensors, x)


@_function()
def _set(tensors: Tensors, x: Any = ()) -> set[Any]:
    return constants.done(lambda: set(_unordered(tensors, x)), "set")  # type: ignore[no-any-return]


@_function()
def _tuple(tensors: Tensors, x: Any = ()) -> tuple[Any, ...]:
    return tuple(_numbers(tensors, x))


@_function("dict")
def _dict(_: Tensors, x: Any = (), **named: Any) -> dict[Any, Any]:
    return constants.done(lambda: dict(x, **named), "dict")  # type: ignore[no-any-return]


@_function()
def _map(tensors: Tensors, function: Any, *lists: Any) -> list[Any]:
    rows = zip(*(_numbers(tensors, values) for values in lists), strict=False)
    return [tensors.call(function, row, {}) for row in rows]


@_function()
def _filter(tensors: Tensors, function: Any, values: Any) -> list[Any]:
    return [item for item in _numbers(tensors, values) if tensors.truth(tensors.call(function, (item,), {}))]


@_function()
def _reduce(tensors: Tensors, function: Any, values: Any, *first: Any) -> Any:
    items = [*first, *_numbers(tensors, values)]
    if not items:
        raise LayerError("its function reduces an empty list")
    result = items[0]
    for item in items[1:]:
        result = tensors.call(function, (result, item), {})
    return result


@_function()
def _partial(_: Tensors, function: Any, *given: Any, **named: Any) -> Function:
    def run(semantics: Any, effort: Any, variables: Mapping[str, Any]) -> Any:
        return semantics.call(function, (*given, *variables["args"]), named | variables["kwargs"])

    return Function("partial", Parameters((), rest="args", others="kwargs"), run)


@_function()
def _zip(tensors: Tensors, *lists: Any) -> list[Any]:
    return list(zip(*(_numbers(tensors, values) for values in lists), strict=False))


@_function()
def _enumerate(tensors: Tensors, values: Any, start: int = 0) -> list[Any]:
    return [(start + place, item) for place, item in enumerate(_numbers(tensors, values))]


@_function()
def _reversed(tensors: Tensors, values: Any) -> list[Any]:
    return _numbers(tensors, values)[::-1]


@_function()
def _sorted(tensors: Tensors, values: Any, reverse: bool = False) -> Any:
    items = _unordered(tensors, values)
    if any(isinstance(item, Tensor) for item in items):
        raise LayerError("its function sorts tensors")
    return constants.done(lambda: sorted(items, reverse=bool(reverse)), "sorted")


@_function()
def _sum(tensors: Tensors, values: Any, start: Any = 0) -> Any:
    items = _numbers(tensors, values)
    total = items.pop(0) if start == 0 and items else start
    for item in items:
        total = tensors.binary("+", total, item)
    return total


def _extreme(largest: bool) -> Callable[..., Any]:
    def extreme(tensors: Tensors, *values: Any) -> Any:
        items = _unordered(tensors, values[0]) if len(values) == 1 else list(values)
        if any(isinstance(item, Tensor) for item in items):
            raise LayerError("its function compares tensors with Python's max or min", "use K.maximum or K.minimum")
        return constants.done(lambda: (max if largest else min)(items), "max")

    return extreme


_function("max")(_extreme(largest=True))
_function("min")(_extreme(largest=False))


@_function()
def _any(tensors: Tensors, values: Any) -> bool:
    return any(tensors.truth(item) for item in _unordered(tensors, values))


@_function()
def _all(tensors: Tensors, values: Any) -> bool:
    return all(tensors.truth(item) for item in _unordered(tensors, values))


@_function()
def _abs(tensors: Tensors, x: Any) -> Any:
    return tensors.operation("Abs", x) if isinstance(x, Tensor) else constants.done(lambda: abs(x), "abs")


@_function()
def _pow(tensors: Tensors, x: Any, y: Any) -> Any:
    return tensors.binary("**", x, y)


@_function()
def _round(tensors: Tensors, x: Any, digits: Any = None) -> Any:
    if isinstance(x, Tensor):
        return tensors.operation("Round", x)
    return constants.done(lambda: round(x, digits), "round")


def _converted(kind: type) -> Callable[..., Any]:
    def convert(_: Tensors, x: Any = 0) -> Any:
        if isinstance(x, Tensor):
            raise LayerError(f"its function makes a Python {kind.__name__} of a tensor")
        return constants.done(lambda: kind(x), kind.__name__)

    return convert


for _kind in (int, float, bool):
    _function(_kind.__name__)(_converted(_kind))


@_function()
def _str(tensors: Tensors, x: Any = "") -> Any:
    return tensors.text(x)


@_function()
def _slice(_: Tensors, *bounds: Any) -> slice:
    return constants.done(lambda: slice(*bounds), "slice")  # type: ignore[no-any-return]


@_function()
def _print(_: Tensors, *__: Any, **___: Any) -> None:
    return None


_KINDS: dict[str, tuple[type, ...]] = {
    "list": (list,), "tuple": (tuple,), "dict": (dict,), "int": (int,), "float": (float,), "str": (str,),
    "bool": (bool,),
}  # fmt: skip


@_function()
def _isinstance(_: Tensors, x: Any, kinds: Any) -> bool:
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    found: list[type] = []
    for kind in wanted:
        name = kind.path.removeprefix("python.") if isinstance(kind, Name) else ""
        if name.rpartition(".")[2] in ("Tensor", "KerasTensor", "Variable"):
            found.append(Tensor)
        elif name in _KINDS:
            found += _KINDS[name]
        else:
            raise LayerError(f"its function asks whether something is {constants.shown(kind)}")
    return isinstance(x, tuple(found))


@_function("type", "super")
def _type(_: Tensors, *__: Any) -> Any:
    raise LayerError("its function asks for the type of a value")
