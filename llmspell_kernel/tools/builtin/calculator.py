"""calculator: arithmetic."""

from __future__ import annotations

from typing import Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.data.arithmetic import CONSTANTS, FUNCTIONS, evaluated, words
from llmspell_kernel.tools.spec import Example, Result, tool


@tool(
    category="utility",
    pure=True,
    runs="here",
    aliases={"expression": "input"},
    examples=[
        Example("Add two numbers", {"input": "2 + 2"}, text="4", result=4),
        Example(
            "Use variables", {"input": "price * (1 + tax)", "variables": {"price": 100, "tax": 0.25}}, result=125.0
        ),
        Example("Call a function", {"input": "sqrt(16) + max(1, 5)"}, result=9.0),
        Example(
            "Check one without evaluating it",
            {"operation": "validate", "input": "price * sqrt(x)"},
            result={"valid": True, "variables": ["price", "x"], "functions": ["sqrt"]},
        ),
        Example("What is no arithmetic", {"operation": "validate", "input": "2 +"}, result={"valid": False}),
        Example("Divide by zero", {"input": "1 / 0"}, error="failed"),
    ],
)
def calculator(
    input: str = "",
    variables: dict[str, float] | None = None,
    operation: Literal["evaluate", "validate", "functions"] = "evaluate",
) -> Result:
    """Evaluate an arithmetic expression.

    Args:
        input: The expression: + - * / // % ^, comparisons, and/or/not (&& || !), functions, pi, e.
        variables: Values of the names in the expression.
        operation: evaluate it; validate it (which names it needs); functions: list what may stand in it.
    """
    if operation == "functions":
        return _functions()
    if not input.strip():
        raise ToolError("input: missing; give an expression, as 2 + 2", code="invalid_parameters")
    if operation == "validate":
        return _validated(input)
    value = evaluated(input, variables or {})
    return Result(value, _shown(value))


def _validated(text: str) -> Result:
    """Whether it could be evaluated, given values for its names."""
    try:
        names, functions = words(text)
    except ToolError as error:
        return Result({"valid": False, "error": str(error)}, f"not valid: {error}")
    fields = {"valid": True, "variables": sorted(names - set(CONSTANTS)), "functions": sorted(functions)}
    return Result(fields, "valid")


def _functions() -> Result:
    operators = [
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "^",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "and",
        "or",
        "not",
        "&&",
        "||",
        "!",
        "if else",
    ]
    fields = {"functions": sorted(FUNCTIONS), "constants": sorted(CONSTANTS), "operators": operators}
    return Result(fields, "\n".join(f"{name}: {' '.join(words)}" for name, words in fields.items()))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
