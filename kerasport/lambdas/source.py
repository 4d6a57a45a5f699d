"""Functions written as source text, by the user or here, in one subset: parsed with ``ast``, never compiled or run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas.functions import Effort, Function, Parameters, Semantics

_MOST_TEXT = 10_000
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.USub: "-", ast.UAdd: "+", ast.Not: "not", ast.Invert: "~", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==",
    ast.NotEq: "!=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
Scope = Callable[[Semantics, str], Any]


def global_names(semantics: Semantics, name: str) -> Any:
    """The usual meaning of names that are no variables."""
    return semantics.named(name)


def function(text: str, scope: Scope = global_names) -> Function:
    """A lambda, or an expression of ``x``, as a function.

    Args:
        text: The text.
        scope: What the names in it mean.

    Raises:
        LayerError: It is no expression.
    """
    try:
        if len(text) > _MOST_TEXT:
            raise ValueError("it is too long")
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise LayerError(f"the text {text[:60]!r} is no Python expression: {str(error)[:60]}") from error
    if not isinstance(tree, ast.Lambda):
        tree = ast.Lambda(args=_only("x"), body=tree)
    return _Evaluation(Effort(), {}, scope).function(tree)


def _only(name: str) -> ast.arguments:
    return ast.arguments(
        posonlyargs=[], args=[ast.arg(arg=name)], kwonlyargs=[], kw_defaults=[], defaults=[], vararg=None, kwarg=None
    )


class _Constants:
    """Defaults are constants: they need no meaning."""

    def __getattr__(self, name: str) -> Any:
        raise LayerError("a default is not a plain constant")


class _Evaluation:
    """The value of expressions, by the class of their node: ``_on_`` and its name."""

    def __init__(self, effort: Effort, variables: dict[str, Any], scope: Scope, semantics: Any = None) -> None:
        self._effort, self._variables, self._scope = effort, variables, scope
        self._semantics: Semantics = _Constants() if semantics is None else semantics

    def of(self, node: ast.AST) -> Any:
        self._effort.step()
        action = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if action is None:
            raise LayerError(f"an expression of the kind {type(node).__name__} is not supported")
        return action(node)

    def _on_constant(self, node: ast.Constant) -> Any:
        return node.value

    def _on_name(self, node: ast.Name) -> Any:
        if node.id in self._variables:
            return self._variables[node.id]
        return self._scope(self._semantics, node.id)

    def _on_attribute(self, node: ast.Attribute) -> Any:
        return self._semantics.attribute(self.of(node.value), node.attr)

    def _on_subscript(self, node: ast.Subscript) -> Any:
        return self._semantics.subscript(self.of(node.value), self.of(node.slice))

    def _on_slice(self, node: ast.Slice) -> Any:
        return slice(*(None if part is None else self.of(part) for part in (node.lower, node.upper, node.step)))

    def _on_tuple(self, node: ast.Tuple) -> Any:
        return tuple(self._listed(node.elts))

    def _on_list(self, node: ast.List) -> Any:
        return self._listed(node.elts)

    def _listed(self, nodes: list[ast.expr]) -> list[Any]:
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                found += self._effort.sized(self._semantics.items(self.of(node.value)))
            else:
                found.append(self.of(node))
        return found

    def _on_dict(self, node: ast.Dict) -> Any:
        if not all(isinstance(key, ast.Constant) for key in node.keys):
            raise LayerError("a dict whose keys are not constants is not supported")
        return {self.of(key): self.of(value) for key, value in zip(node.keys, node.values, strict=True) if key}

    def _on_binop(self, node: ast.BinOp) -> Any:
        return self._semantics.binary(_OPERATORS[type(node.op)], self.of(node.left), self.of(node.right))

    def _on_unaryop(self, node: ast.UnaryOp) -> Any:
        sign, x = _OPERATORS[type(node.op)], self.of(node.operand)
        if sign == "-" and isinstance(x, int | float):
            return -x
        return self._semantics.unary(sign, x)

    def _on_compare(self, node: ast.Compare) -> Any:
        left, result = self.of(node.left), True
        for kind, other in zip(node.ops, node.comparators, strict=True):
            right = self.of(other)
            result = self._semantics.compare(_OPERATORS[type(kind)], left, right)
            if len(node.ops) > 1 and not self._semantics.truth(result):
                return result
            left = right
        return result

    def _on_boolop(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for part in node.values:
            value = self.of(part)
            if self._semantics.truth(value) == isinstance(node.op, ast.Or):
                return value
        return value

    def _on_ifexp(self, node: ast.IfExp) -> Any:
        return self.of(node.body if self._semantics.truth(self.of(node.test)) else node.orelse)

    def _on_call(self, node: ast.Call) -> Any:
        called, args = self.of(node.func), self._listed(node.args)
        kwargs: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.of(keyword.value)
            kwargs.update({keyword.arg: value} if keyword.arg else dict(value))
        if isinstance(called, Function):
            return called(self._semantics, self._effort, args, kwargs)
        return self._semantics.call(called, args, kwargs)

    def _on_lambda(self, node: ast.Lambda) -> Function:
        return self.function(node)

    def function(self, node: ast.Lambda) -> Function:
        """A lambda within the variables here."""
        given = node.args
        parameters = Parameters(
            tuple(arg.arg for arg in (*given.posonlyargs, *given.args)),
            tuple(arg.arg for arg in given.kwonlyargs),
            given.vararg.arg if given.vararg else "",
            given.kwarg.arg if given.kwarg else "",
        )
        named = zip(parameters.keywords, given.kw_defaults, strict=True)

        def run(semantics: Semantics, effort: Effort, variables: dict[str, Any]) -> Any:
            return _Evaluation(effort, {**self._variables, **variables}, self._scope, semantics).of(node.body)

        return Function(
            "<lambda>",
            parameters,
            run,
            tuple(map(self.of, given.defaults)),
            {name: self.of(default) for name, default in named if default is not None},
        )

    # --- comprehensions

    def _on_listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> list[Any]:
        return self._effort.sized([inner.of(node.elt) for inner in self._rounds(node.generators)])

    _on_generatorexp = _on_listcomp

    def _rounds(self, loops: list[ast.comprehension]) -> Iterator[_Evaluation]:
        if not loops:
            yield self
            return
        loop, *rest = loops
        for item in self._effort.sized(self._semantics.items(self.of(loop.iter))):
            inner = _Evaluation(self._effort, dict(self._variables), self._scope, self._semantics)
            inner.assign(loop.target, item)
            if all(self._semantics.truth(inner.of(condition)) for condition in loop.ifs):
                yield from inner._rounds(rest)

    def assign(self, target: ast.expr, value: Any) -> None:
        """Gives a variable, or several, their values."""
        if isinstance(target, ast.Name):
            self._variables[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            for part, item in zip(target.elts, self._semantics.unpacked(value, len(target.elts)), strict=False):
                self.assign(part, item)
        else:
            raise LayerError("a loop over something else than variables is not supported")
