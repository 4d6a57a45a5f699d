"""What a function does with tensors, mapped to the operations of functional models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas import calls, constants, inner_layers, names
from kerasport.lambdas.constants import Method
from kerasport.lambdas.functions import Effort, Function
from kerasport.lambdas.values import Layer, Name, Results, Scope, Shape, Surroundings, Tensor
from kerasport.layers.arguments import Arguments, operation
from kerasport.layers.base import Value
from kerasport.layers.slots import Slot

_BINARY = {
    "+": "Add", "-": "Subtract", "*": "Multiply", "/": "TrueDivide", "//": "FloorDivide", "%": "Mod", "**": "Power",
    "@": "Matmul", "<": "Less", "<=": "LessEqual", "==": "Equal", "!=": "NotEqual", ">": "Greater",
    ">=": "GreaterEqual", "<<": "LeftShift", ">>": "RightShift",
}  # fmt: skip
_LOGICAL = {"&": "And", "|": "Or", "^": "Xor"}
# Operations that give a list of tensors, even of one.
_LISTS = frozenset(["tf.split", "Split", "Unstack", "Meshgrid", "ArraySplit", "Vsplit", "Hsplit", "Dsplit"])
_FIELDS = {"TopK": ("values", "indices"), "Moments": ("mean", "variance")}
_SHAPE_METHODS = ("as_list", "is_fully_defined", "with_rank")
_SHAPE_FACTS: dict[str, Callable[[Shape], Any]] = {"ndims": len, "rank": len, "dims": list}
_MISSING = "write the function as text with its value in it"


class Tensors:
    """Computes with tensors and constants.

    Args:
        arguments: The layer's call, by which operations are added to the graph.
        effort: How much may be done.
        surroundings: What else the result depends on.
        depth: How many functions of rows are around it.
    """

    def __init__(self, arguments: Arguments, effort: Effort, surroundings: Surroundings, depth: int = 0) -> None:
        self.arguments, self.effort, self.surroundings, self.depth = arguments, effort, surroundings, depth

    def inside(self, arguments: Arguments) -> Tensors:
        """The same for a function that is carried out on rows."""
        return Tensors(arguments, self.effort, self.surroundings, self.depth + 1)

    def random(self, source: str) -> LayerError:
        """The error for random numbers."""
        hint = f"to use their mean instead: {self.surroundings.command} --sampling mean"
        return LayerError(f"its function draws random numbers, from {source}, so that no two runs agree", hint)

    def by_corners(self) -> bool:
        """Whether images are resized as TensorFlow 1 does it."""
        if self.surroundings.corners is None:
            raise LayerError("TensorFlow 1 and 2 resize images differently, and the file does not say which wrote it")
        return self.surroundings.corners

    # --- names

    def named(self, name: str) -> Any:
        """What a global name usually means; what has no usual meaning is refused."""
        found = names.root(name)
        if found is None:
            raise LayerError(f"its function uses {name!r}, whose value is not in the file", _MISSING)
        return found

    def attribute(self, value: Any, name: str) -> Any:
        """``value.name``: of a module, a tensor, a shape, a constant."""
        if isinstance(value, Name):
            return self._member(value, name)
        if isinstance(value, Tensor):
            return self._of_tensor(value, name)
        if isinstance(value, Shape) and name in (*_SHAPE_METHODS, *_SHAPE_FACTS):
            return _SHAPE_FACTS[name](value) if name in _SHAPE_FACTS else Method(value, name)
        if isinstance(value, Results) and name in value.names:
            return value[value.names.index(name)]
        if value is None and name == "value":  # an unknown dimension of TensorFlow 1
            return None
        return constants.attribute(value, name)

    def _member(self, module: Name, name: str) -> Any:
        found = names.member(module, name)
        if self.surroundings.corners is False and names.is_former(module, found):
            raise LayerError(f"its function uses {found.path}, which TensorFlow 2 does not have")
        return found

    def _of_tensor(self, x: Tensor, name: str) -> Any:
        facts = {"shape": x.shape, "_keras_shape": x.shape, "dtype": x.value.type.dtype, "ndim": x.value.type.rank}
        if name == "shape" and self.surroundings.backend == "theano":
            return self.operation("tf.shape", x)
        if name in facts:
            return facts[name]
        if name in ("get_shape", "set_shape") or names.method(name):
            return Method(x, name)
        if name == "T":
            return self.operation("Transpose", x)
        raise LayerError(f"its function asks a tensor for {name!r}", "")

    # --- calls

    def call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """``function(*args, **kwargs)``."""
        if isinstance(function, Function):
            return function(self, self.effort, args, kwargs)
        if isinstance(function, Method):
            return self._method(function, args, kwargs)
        if isinstance(function, Layer):
            return inner_layers.called(self, function, args, kwargs)
        if isinstance(function, Name):
            return calls.call(self, function, args, dict(kwargs))
        raise LayerError(f"its function calls {constants.shown(function)}")

    def _method(self, method: Method, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        owner = method.owner
        if isinstance(owner, Tensor):
            if method.name in ("get_shape", "set_shape"):
                return owner.shape if method.name == "get_shape" else None
            return self.call(names.method(method.name), (owner, *args), kwargs)
        if isinstance(owner, Shape) and method.name in _SHAPE_METHODS:
            return {"as_list": list(owner), "is_fully_defined": None not in owner}.get(method.name, owner)
        named = {key: names.text_of(value) for key, value in kwargs.items()}
        return constants.call(method, [names.text_of(arg) for arg in args], named)

    def operation(self, kind: str, *args: Any, **options: Any) -> Any:
        """The result of an operation by Keras 3's name: a tensor, or a list of them."""
        inputs: list[Value] = []
        given = [self._argument(arg, inputs) for arg in args]
        named = {key: self._argument(value, inputs) for key, value in options.items() if value is not None}
        call = Arguments(given, named, inputs, lambda spec, values: self.arguments.emit_all(spec, *values))
        outputs: list[Tensor] = []
        for step in operation(kind, call):
            found = (step,) if isinstance(step, Value) else self.arguments.emit_all(step.spec, *step.inputs)
            outputs += map(Tensor, found)
        if kind in _LISTS or len(outputs) > 1:
            return Results(outputs, _FIELDS.get(kind, ()))
        return outputs[0]

    def _argument(self, value: Any, inputs: list[Value]) -> Any:
        """A value as operations get it: tensors by their places among the inputs."""
        self.effort.step()
        if isinstance(value, Tensor):
            inputs.append(value.value)
            return Slot(len(inputs) - 1)
        if isinstance(value, slice):
            return slice(*(self._argument(part, inputs) for part in (value.start, value.stop, value.step)))
        if isinstance(value, list | tuple):
            return [self._argument(item, inputs) for item in value]
        if constants.is_array(value):
            return value.tolist()
        if isinstance(value, Name):
            return names.text_of(value)
        if isinstance(value, Function | Method | dict | bytes | complex):
            raise LayerError(f"its function gives {constants.shown(value)} to an operation on tensors")
        return value

    def constant(self, value: Any, dtype: Any = None, shape: Any = None) -> Any:
        """An array of constants; what holds tensors already is stacked."""
        import numpy as np

        inputs: list[Value] = []
        plain = self._argument(value, inputs)
        if inputs:
            stacked = value if isinstance(value, Tensor) else Tensor(self._stacked(plain, inputs))
            return stacked if dtype is None else self.operation("Cast", stacked, dtype=dtype)
        kind = names.text_of(dtype)
        array = constants.done(lambda: np.asarray(plain, kind if kind in names.DTYPES else None), "constant")
        wanted = None if shape is None else tuple(self._argument(shape, []))
        return array if wanted is None else constants.filled(array, wanted)

    def _stacked(self, raw: Any, inputs: list[Value]) -> Value:
        return Arguments((), {}, inputs, lambda spec, values: self.arguments.emit_all(spec, *values)).value(raw)

    def materialized(self, value: Any) -> Value:
        """A constant as a tensor of the graph."""
        return self.arguments.value(self._argument(value, []))

    # --- operators

    def unary(self, operator: str, x: Any) -> Any:
        """``-x`` and the like."""
        if not isinstance(x, Tensor):
            return constants.unary(operator, x)
        if operator == "not":
            self.truth(x)
        is_bool = x.value.type.dtype == "bool"
        if operator == "~":
            _refuse_bits(operator, x)
        kinds = {"-": "Negative", "~": "LogicalNot" if is_bool else "BitwiseInvert"}
        return x if operator == "+" else self.operation(kinds[operator], x)

    def binary(self, operator: str, x: Any, y: Any, in_place: bool = False) -> Any:
        """``x + y`` and the like."""
        x, y = names.text_of(x), names.text_of(y)
        tensors = [side for side in (x, y) if isinstance(side, Tensor)]
        if not tensors:
            return constants.binary(operator, x, y, in_place)
        if operator == "div":
            whole = all(side.value.type.dtype.startswith("int") for side in tensors)
            operator = "//" if whole and not any(isinstance(side, float) for side in (x, y)) else "/"
        if operator in ("&", "|", "^", "<<", ">>"):
            _refuse_bits(operator, *tensors)
        if operator in _LOGICAL:
            is_bool = tensors[0].value.type.dtype == "bool"
            return self.operation(f"{'Logical' if is_bool else 'Bitwise'}{_LOGICAL[operator]}", x, y)
        return self.operation(_BINARY[operator], x, y)

    def compare(self, operator: str, x: Any, y: Any) -> Any:
        """``x < y`` and the like."""
        if not any(isinstance(side, Tensor) for side in (x, y)):
            return constants.compare(operator, names.text_of(x), names.text_of(y))
        if operator in ("is", "is not"):
            return (x is y) == (operator == "is")
        if operator in ("in", "not in"):
            return any(x is item for item in self.items(y)) == (operator == "in")
        if (x is None or y is None) and operator in ("==", "!="):
            return operator == "!="
        if operator in ("==", "!=") and self.surroundings.corners is not False:
            raise LayerError(f"its function compares tensors by {operator}, as only TensorFlow 2 does by value")
        return self.operation(_BINARY[operator], x, y)

    def subscript(self, x: Any, key: Any) -> Any:
        """``x[key]``."""
        if isinstance(key, Tensor) and not isinstance(x, Tensor):
            raise LayerError("its function takes an item of a list that depends on the values of a tensor")
        if isinstance(x, Shape):
            found = constants.subscript(x, key)
            return Shape(found) if isinstance(key, slice) else found
        if isinstance(x, Name) and x.path == "np.mgrid":
            return constants.grid(key)
        if not isinstance(x, Tensor):
            return constants.subscript(x, key)
        if isinstance(key, Tensor) and key.value.type.dtype == "bool":
            return self.operation("tf.boolean_mask", x, key)
        return self.operation("GetItem", x, list(key) if isinstance(key, tuple) else [key])

    # --- control

    def truth(self, x: Any) -> bool:
        """Whether a condition holds; one on the values of a tensor is refused."""
        if isinstance(x, Tensor):
            raise LayerError("its function branches on the values of a tensor", "use K.switch, tf.where or tf.cond")
        return True if isinstance(x, Function | Name | Method) else constants.truth(x)

    def items(self, x: Any) -> list[Any]:
        """What a loop over it goes through: the rows of a tensor whose first axis is known, too."""
        if isinstance(x, Tensor):
            rows = x.shape[0] if x.shape else None
            if rows is None:
                raise LayerError("its function goes through the samples of a batch one by one")
            return [self.subscript(x, place) for place in range(self.effort.counted(rows))]
        if isinstance(x, dict | str | list | tuple | range) or constants.is_array(x):
            return list(x)
        order = ", in an order that Python does not promise" if isinstance(x, set | frozenset) else ""
        raise LayerError(f"its function goes through {constants.shown(x)}{order}")

    def unpacked(self, x: Any, count: int) -> list[Any]:
        """The parts of what is taken apart."""
        return self.items(x)

    def assigned(self, owner: Any, key: Any, value: Any) -> None:
        """``owner[key] = value``, of a collection or an array."""
        constants.assign(owner, key, value)

    def entered(self, manager: Any) -> Any:
        """The name of a scope; what else ``with`` may enter is refused."""
        if not isinstance(manager, Scope):
            raise LayerError(f"its function enters {constants.shown(manager)} by with")
        return manager.name

    def text(self, x: Any) -> Any:
        """A value as text."""
        return x if isinstance(x, str) else constants.shown(x)


def _refuse_bits(operator: str, *tensors: Tensor) -> None:
    if any(x.value.type.dtype.startswith("float") for x in tensors):
        raise LayerError(f"its function takes the bits of fractions ({operator})")
