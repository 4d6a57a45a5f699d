"""The decorators with which plugins register what they know."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any, Literal, TypeVar

from kerasport.custom.faults import guarded, guarded_outright
from kerasport.custom.registry import CUSTOM, Composed, Custom, CustomModelClass, Found, Origin
from kerasport.errors import LayerError, PluginError
from kerasport.export.registry import EXPORT, Translation
from kerasport.layers.base import Masks, Spec, TensorType
from kerasport.layers.registry import Entry
from kerasport.reference.registry import REFERENCE, Reference

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=type[Spec])
_METHODS = ("parse", "called_with", "weights", "infer", "output_mask")
_SAY_MASK = "set carries_mask: ClassVar[bool] in its spec, False where compute_mask gives None"


def compose(*names: str, ignored: str = "", mask: Literal["", "carried", "dropped", "own"] = "") -> Callable[[F], F]:
    """Registers a layer that is composed of layers and operations of Keras.

    The function is called with a ``CustomLayer`` and the tensors that the layer is called on, and gives the output, or
    a tuple of them. Shapes, the NumPy reference and the ONNX translation follow from what it calls.

    Args:
        names: The class's name in files, and others that it goes by; with the package, where that tells it apart.
        ignored: Config keys, with spaces between, that change nothing at inference.
        mask: What becomes of the input's mask: "carried" where it is the output's, "dropped" where ``compute_mask``
            gives None, "own" for the mask of the tensor that is given back. A masked input is refused without it.
    """
    return _each(names, lambda name, function, origin: Composed(name, function, origin, _keys(ignored), mask))


def activation(*names: str) -> Callable[[F], F]:
    """Registers an activation function by its name in files: a function of one tensor, composed of operations."""

    def made(name: str, function: Callable[..., Any], origin: Origin) -> Composed:
        return Composed(name, lambda layer, x: function(x), origin, _keys("*"), "carried", activation=True)

    return _each(names, made)


def model(*names: str, ignored: str = "") -> Callable[[F], F]:
    """Registers a class of models that build their graph from a few arguments, and save only these.

    The function is called with a ``CustomModel``, in which it makes inputs and layers as the class's ``__init__`` does,
    in the same order and with the same names, and gives the output, or a dict of them.

    Args:
        names: As for ``compose``.
        ignored: As for ``compose``.
    """
    return _each(names, lambda name, function, origin: CustomModelClass(name, function, origin, _keys(ignored)))


def _each(names: Sequence[str], made: Callable[[str, Callable[..., Any], Origin], Found]) -> Callable[[F], F]:
    """Registers what is made of a function, under each of the names."""

    def add(function: F) -> F:
        origin = _origin(function)
        for name in names:
            CUSTOM.add(name, made(name, function, origin))
        return function

    return add


def _keys(ignored: str) -> frozenset[str]:
    return frozenset(ignored.split())


def layer(*names: str, ignored: str = "") -> Callable[[S], S]:
    """Registers a layer with a spec of its own: a frozen class, to which a ``reference`` and a ``translation`` belong.

    Args:
        names: As for ``compose``.
        ignored: As for ``compose``.
    """

    def add(spec: S) -> S:
        origin = _origin(spec)
        for method in _METHODS:
            if method in vars(spec):
                _guard(spec, method, origin)
        if not any(
            "carries_mask" in vars(cls) or "output_mask" in vars(cls) for cls in spec.__mro__ if cls is not Spec
        ):
            spec.output_mask = _unsaid  # type: ignore[method-assign, assignment]
        for name in names:
            entry = Entry(name, spec, "plugins", frozenset(ignored.split()))
            CUSTOM.add(name, Custom(entry, origin))
        return spec

    return add


def alias(*names: str, spec: type[Spec], ignored: str = "") -> None:
    """Registers classes that compute what one of Keras's does, from the same config.

    Args:
        names: As for ``compose``.
        spec: The spec of Keras's class.
        ignored: As for ``compose``.
    """
    caller = inspect.currentframe()
    assert caller is not None
    assert caller.f_back is not None
    origin = Origin(caller.f_back.f_code.co_filename, caller.f_back.f_lineno)
    for name in names:
        CUSTOM.add(name, Custom(Entry(name, spec, "plugins", frozenset(ignored.split())), origin))


def reference(*specs: type[Spec]) -> Callable[[Reference], Reference]:
    """Registers what a layer computes: a function (spec, context, *arrays) in NumPy, in Keras's axis order."""

    def add(function: Reference) -> Reference:
        for spec in specs:
            checked = _of_inferred_shapes(guarded_outright(function, _origin(function)), _origin(function))
            REFERENCE.register(spec)(checked)
        return function

    return add


def translation(*specs: type[Spec]) -> Callable[[Translation], Translation]:
    """Registers how a layer is written in ONNX: a function (spec, builder, *tensors)."""

    def add(function: Translation) -> Translation:
        EXPORT.register(*specs)(guarded(function, _origin(function)))
        return function

    return add


def _origin(defined: Any) -> Origin:
    """Where a function or class is defined."""
    code = inspect.unwrap(defined).__code__ if isinstance(defined, FunctionType) else None
    if code is not None:
        return Origin(code.co_filename, code.co_firstlineno)
    inner = [method.__code__ for method in vars(defined).values() if isinstance(method, FunctionType)]
    return Origin(inspect.getfile(defined), _line(defined, inner))


def _line(cls: type, inner: list[CodeType]) -> int:
    try:
        return inspect.getsourcelines(cls)[1]
    except OSError:
        return min((code.co_firstlineno for code in inner), default=1)


def _guard(spec: type[Spec], method: str, origin: Origin) -> None:
    found = vars(spec)[method]
    if isinstance(found, classmethod):
        setattr(spec, method, classmethod(guarded(found.__func__, origin)))
    else:
        setattr(spec, method, guarded(found, origin))


def _unsaid(spec: Spec, masks: Any, inputs: Any, emit: Any) -> Masks:
    if any(masks):
        raise LayerError("its input has a mask, and its plugin does not say what happens to it", _SAY_MASK)
    return None


def _of_inferred_shapes(function: Reference, origin: Origin) -> Reference:
    """The reference, with what it gives held against the shapes that the spec infers."""

    def call(spec: Spec, context: Any, *arrays: Any) -> Any:
        result = function(spec, context, *arrays)
        inferred = spec.infer(*(TensorType(array.shape, str(array.dtype)) for array in arrays))
        types = inferred if isinstance(inferred, tuple) else (inferred,)
        given = result if isinstance(result, tuple) else (result,)
        shapes, wanted = [getattr(array, "shape", None) for array in given], [type_.shape for type_ in types]
        if shapes != wanted:
            raise PluginError(
                f"{origin}: the reference of {type(spec).__name__} gives {_text(shapes)}"
                f" where infer says {_text(wanted)}.",
                "Its infer, or its reference, is wrong.",
            )
        return result

    return call


def _text(shapes: list[Any]) -> str:
    return " and ".join("no array" if shape is None else f"the shape {shape}" for shape in shapes) or "nothing"
