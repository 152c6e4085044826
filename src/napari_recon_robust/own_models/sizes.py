"""The sizes that a program was exported for. torch writes formulas of them, which are read without evaluating code."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

Numbers = Mapping[str, int]
Value = Callable[[Numbers], Any]

LONGEST = 10_000  # characters of a formula
_MOST_BITS = 512  # of a number on the way; sizes have 64, and products of a few of them are compared
_FREE = 2  # the least size that torch writes if no least size was asked for; 1 is accepted as well
_LAYOUT = re.compile(r"\]\.(_base|stride|storage_offset)\b")
_SIZE = re.compile(r"L\['(\w+)'\]\.size\(\)\[(\d+)\]", re.ASCII)


def power(base: float, exponent: float) -> Any:
    """base^exponent; OverflowError for an exponent of more than 64, whose result could fill memory."""
    if abs(exponent) > 64:
        raise OverflowError(f"the exponent {exponent} of a size")
    return base**exponent


_BINARY: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: power,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{"abs": abs, "max": max, "min": min, "round": round, "torch.sym_float": float, "torch._sym_sqrt": math.sqrt},
    **{f"math.{name}": getattr(math, name) for name in ("ceil", "floor", "trunc", "sqrt")},
    **{"Integer": int, "Add": lambda *terms: sum(terms), "Mul": lambda *factors: reduce(operator.mul, factors)},
}


class Formula:
    """A formula of names, numbers and a few functions; ValueError if the text is anything else.

    It has Python's spelling, max(1, s0 // 2) != 1, or sympy's, Mul(Integer(2), Symbol('s0', integer=True)).
    """

    def __init__(self, text: str) -> None:
        self.names: set[str] = set()
        try:
            if len(text) > LONGEST:
                raise RecursionError
            self.value = self._value(ast.parse(text, mode="eval").body)
        except (SyntaxError, RecursionError, MemoryError):
            raise ValueError(f"{text[:60]!r} is no formula") from None

    def _value(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return lambda numbers: _bounded(value)
            case ast.Name(id=name) | ast.Call(func=ast.Name(id="Symbol"), args=[ast.Constant(value=str() as name)]):
                self.names.add(name)
                return lambda numbers: numbers[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                of = self._value(operand)
                return lambda numbers: -of(numbers)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                of = self._value(operand)
                return lambda numbers: not of(numbers)
            case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]) if (
                type(op) in _BINARY
            ):
                function, first, second = _BINARY[type(op)], self._value(left), self._value(right)
                return lambda numbers: _bounded(function(first(numbers), second(numbers)))
            case ast.BoolOp(op=op, values=nodes):
                whether, terms = all if isinstance(op, ast.And) else any, [self._value(one) for one in nodes]
                return lambda numbers: whether(term(numbers) for term in terms)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                choice, yes, no = self._value(test), self._value(body), self._value(orelse)
                return lambda numbers: yes(numbers) if choice(numbers) else no(numbers)
            case ast.Call(func=func, args=nodes, keywords=[]) if ast.unparse(func) in _FUNCTIONS:
                called, arguments = _FUNCTIONS[ast.unparse(func)], [self._value(one) for one in nodes]
                return lambda numbers: _bounded(called(*(argument(numbers) for argument in arguments)))
        raise ValueError(f"{ast.unparse(node)[:60]!r} is no formula")


class Sizes:
    """The sizes of its inputs that a program accepts; for others it would give an error or a wrong image."""

    def __init__(
        self,
        inputs: Mapping[str, Sequence[int | str]],
        ranges: Mapping[str, tuple[int | None, int | None]],
        conditions: Sequence[str],
    ) -> None:
        """inputs: the sizes of each, numbers or formulas; ranges: of a formula's names, the smallest and the largest.

        conditions: as torch writes them, of L['image'].size()[0] and so on. Raises ValueError for anything else.
        """
        self._sizes = {
            f"{name}[{axis}]": Formula(str(size)) for name, sizes in inputs.items() for axis, size in enumerate(sizes)
        }
        self._ranges = ranges
        self._conditions = {}
        for text in conditions:
            if _LAYOUT.search(text):  # how the example lay in memory, which no image depends on
                continue
            for number, name in enumerate(inputs):
                text = text.replace(f"L['flat_args'][{number}]", f"L['{name}']")
            shown = _SIZE.sub(r"\1[\2]", text)
            condition = Formula(_SIZE.sub(r"\1__\2", text))
            if not condition.names <= set(map(_key, self._sizes)):
                raise ValueError(f"{shown[:60]!r} is of an input that there is not")
            self._conditions[shown] = condition

    def unmet(self, shapes: Mapping[str, Sequence[int]]) -> str | None:
        """The condition that inputs of these shapes do not meet, in words; None if they meet all."""
        actual = {f"{name}[{axis}]": size for name, shape in shapes.items() for axis, size in enumerate(shape)}
        symbols: dict[str, int] = {}
        for place, size in self._sizes.items():
            for name in size.names - symbols.keys() if len(size.names) == 1 else ():
                zero, one = size.value({name: 0}), size.value({name: 1})
                symbols[name] = (actual[place] - zero) // (one - zero) if one != zero else 0
        for place, size in self._sizes.items():
            if size.value(symbols) != actual[place]:
                return f"another {place} than {actual[place]}"
        for name, (least, most) in self._ranges.items():
            low, high = least if least is not None and least > _FREE else 0, math.inf if most is None else most
            if name in symbols and not low <= symbols[name] <= high:
                return f"{low} <= {name} <= {high}, and it is {symbols[name]}"
        numbers = {_key(place): size for place, size in actual.items()}
        return next((text for text, condition in self._conditions.items() if not condition.value(numbers)), None)


def _bounded(value: Any) -> Any:
    """The value; OverflowError for a number that no size leads to, since powers of such numbers could fill memory."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise OverflowError(f"a size of {value.bit_length()} bits")
    return value


def _key(place: str) -> str:
    return place.replace("[", "__").rstrip("]")
