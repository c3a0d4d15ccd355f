"""Arithmetic on an expression, safely. Any thread.

Python's parser reads the expression; only numbers, names, operators and the functions below are
evaluated, nothing is executed. Whole numbers stay exact, and no result may grow beyond
`MAX_DIGITS`: ``9^9^9^9`` is an error at once.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from llmspell_kernel.errors import ToolError

MAX_LENGTH = 10_000
MAX_DIGITS = 4_000  # Python writes no longer ones
MAX_BITS = int(MAX_DIGITS * math.log2(10))
Number = Any  # int, float or bool

CONSTANTS: dict[str, Number] = {
    "pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf, "nan": math.nan, "true": True, "false": False,
}  # fmt: skip


def _factorial(n: Number) -> int:
    if n > 1400:
        raise ToolError("factorial: the result would be too large (the limit is 1400!)")
    return math.factorial(n)


def _lcm(*numbers: Number) -> int:
    result = 1
    for number in numbers:
        result = _checked(math.lcm(result, number))
    return result


def _average(*numbers: Number) -> Number:
    if not numbers:
        raise ToolError("avg needs at least one number")
    return sum(numbers) / len(numbers)


FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs, "min": lambda *n: min(n), "max": lambda *n: max(n),
    "round": round, "floor": math.floor, "ceil": math.ceil,
    "trunc": math.trunc, "sqrt": math.sqrt, "cbrt": lambda x: math.copysign(abs(x) ** (1 / 3), x),
    "exp": math.exp, "ln": math.log, "log": math.log, "log2": math.log2, "log10": math.log10,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos,
    "atan": math.atan, "atan2": math.atan2, "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh,
    "degrees": math.degrees, "radians": math.radians, "hypot": math.hypot, "gcd": math.gcd,
    "lcm": _lcm, "factorial": _factorial, "sum": lambda *n: sum(n), "avg": _average,
    "asinh": math.asinh, "acosh": math.acosh, "atanh": math.atanh, "int": math.trunc,
    "pi": lambda: math.pi, "e": lambda: math.e,
    "pow": lambda a, b: _power(a, b), "sign": lambda x: (x > 0) - (x < 0),
}  # fmt: skip


def _bits(value: Number) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _too_long() -> ToolError:
    return ToolError(f"the result would have more than {MAX_DIGITS} digits")


def _checked(value: Number) -> Number:
    if _bits(value) > MAX_BITS:
        raise _too_long()
    return value


def _power(base: Number, exponent: Number) -> Number:
    whole = isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1
    if whole and _bits(base) * exponent > MAX_BITS:
        raise _too_long()
    result = base**exponent
    if isinstance(result, complex):
        raise ToolError(f"{base} ^ {exponent} is not a real number")
    return result


def _times(a: Number, b: Number) -> Number:
    if _bits(a) + _bits(b) > MAX_BITS:
        raise _too_long()
    return a * b


BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: _times, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: _power,
}  # fmt: skip
UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.not_,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], Callable[[Number, Number], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def evaluated(text: str, variables: Mapping[str, Number]) -> Number:
    """Raises ToolError; its cause is a SyntaxError where `text` is no arithmetic at all."""
    try:
        return _checked(_value(_parsed(text), {**CONSTANTS, **variables}))
    except ZeroDivisionError as error:
        raise ToolError("division by zero") from error
    except OverflowError as error:
        raise ToolError("the result is too large") from error
    except (RecursionError, MemoryError) as error:
        raise ToolError("the expression is nested too deeply") from error


def words(text: str) -> tuple[set[str], set[str]]:
    """The variables and functions in it. Raises ToolError for what `evaluated` would refuse whatever they are."""
    return _words(_parsed(text))


def _parsed(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise ToolError(f"the expression is longer than {MAX_LENGTH} characters")
    try:
        return ast.parse(_as_python(text), mode="eval").body
    except SyntaxError as error:
        raise ToolError(f"can't read {text!r} as arithmetic: {error.msg}") from error
    except ValueError as error:  # zero bytes, halves of surrogate pairs
        raise ToolError(f"can't read {text!r} as arithmetic: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise ToolError("the expression is nested too deeply") from error


# As other languages write it, and people. Of what Python has ~ alone binds as tight as their ! does.
WRITTEN = re.compile(r"&&|\|\||!(?!=)|[\^×·÷−π]")
IN_PYTHON = {
    "&&": " and ", "||": " or ", "!": "~", "^": "**", "×": "*", "·": "*", "÷": "/", "−": "-", "π": " pi ",
}  # fmt: skip


def _as_python(text: str) -> str:
    if "~" in text:
        raise ToolError(f"can't read {text!r} as arithmetic: ~ is no operator")
    return WRITTEN.sub(lambda match: IN_PYTHON[match.group(0)], text).strip()


def _value(node: ast.expr, names: dict[str, Number]) -> Number:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        return node.value
    if isinstance(node, ast.Name):
        if node.id in names:
            return names[node.id]
        raise ToolError(f"unknown name {node.id!r}; give its value in `variables`")
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        return BINARY[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return UNARY[type(node.op)](_value(node.operand, names))
    if isinstance(node, ast.BoolOp):
        return _logic(node, names)
    if isinstance(node, ast.Compare):
        return _compare(node, names)
    if isinstance(node, ast.IfExp):
        return _value(node.body if _value(node.test, names) else node.orelse, names)
    if isinstance(node, ast.Call):
        return _call(node, names)
    raise _no_arithmetic(node)


def _logic(node: ast.BoolOp, names: dict[str, Number]) -> Number:
    wanted = isinstance(node.op, ast.Or)
    value: Number = None
    for operand in node.values:
        value = _value(operand, names)
        if bool(value) == wanted:
            return value
    return value


def _compare(node: ast.Compare, names: dict[str, Number]) -> bool:
    left = _value(node.left, names)
    for op, operand in zip(node.ops, node.comparators, strict=True):
        if type(op) not in COMPARISONS:
            raise _no_arithmetic(node)
        right = _value(operand, names)
        if not COMPARISONS[type(op)](left, right):
            return False
        left = right
    return True


def _call(node: ast.Call, names: dict[str, Number]) -> Number:
    name = _function_name(node)
    arguments = [_value(argument, names) for argument in node.args]
    try:
        return FUNCTIONS[name](*arguments)
    except (TypeError, ValueError) as error:
        raise ToolError(f"{name}: {error}") from error


def _words(tree: ast.expr) -> tuple[set[str], set[str]]:
    names: set[str] = set()
    functions: set[str] = set()
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Call):
            functions.add(_function_name(node))
            left += node.args
        else:
            left += _operands(node)
    return names, functions


def _operands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        return []
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return [node.operand]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.Compare) and all(type(op) in COMPARISONS for op in node.ops):
        return [node.left, *node.comparators]
    if isinstance(node, ast.IfExp):
        return [node.test, node.body, node.orelse]
    raise _no_arithmetic(node)


def _no_arithmetic(node: ast.expr) -> ToolError:
    if isinstance(node, ast.Tuple):
        return ToolError("a comma stands between what a function is given; a number has none: 1000, not 1,000")
    try:
        return ToolError(f"{ast.unparse(node).replace('~', '!')!r} is not arithmetic")
    except RecursionError:
        return ToolError("the expression is nested too deeply")


def _function_name(node: ast.Call) -> str:
    if not isinstance(node.func, ast.Name) or node.keywords:
        raise _no_arithmetic(node)
    if node.func.id not in FUNCTIONS:
        raise ToolError(f"unknown function {node.func.id!r}; there are {', '.join(sorted(FUNCTIONS))}")
    return node.func.id
