"""Questions a paused program answers: stacks, variables, expressions. All run on the Lua thread."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llmspell_dap.context import Client
from llmspell_dap.protocol import Arguments, Json
from llmspell_dap.registry import question
from llmspell_dap.translate import (
    FrameStyle,
    completion_out,
    exception_out,
    frame_name,
    frame_out,
    frame_style,
    scope_out,
    utf16_before,
    value_out,
    variable_out,
)
from llmspell_kernel.errors import UserError

if TYPE_CHECKING:
    from llmspell_kernel.debug.model import Frame
    from llmspell_kernel.debug.pause import Pause


@question("stackTrace", supportsDelayedStackTraceLoading=True)
def stack_trace(pause: Pause, arguments: Arguments, client: Client) -> Json:
    thread = arguments.needed_number("threadId")
    start, count = max(arguments.number("startFrame"), 0), max(arguments.number("levels"), 0)
    frames, total = pause.frames(thread, start, count)
    style = frame_style(arguments.object("format"))
    named = [frame._replace(name=_styled(pause, frame, style)) for frame in frames] if any(style) else frames
    return {"stackFrames": [frame_out(frame, client) for frame in named], "totalFrames": total}


def _styled(pause: Pause, frame: Frame, style: FrameStyle) -> str:
    if frame.source is None:
        return frame.name
    parameters = pause.parameters(frame.id, style.hex) if style.parameters else []
    return frame_name(frame, parameters, style)


@question("scopes")
def scopes(pause: Pause, arguments: Arguments, client: Client) -> Json:
    return {"scopes": [scope_out(scope) for scope in pause.scopes(arguments.needed_number("frameId"))]}


@question("variables", supportsValueFormattingOptions=True)
def variables(pause: Pause, arguments: Arguments, client: Client) -> Json:
    children = pause.children(
        arguments.needed_number("variablesReference"),
        arguments.text("filter"),
        max(arguments.number("start"), 0),
        max(arguments.number("count"), 0),
        _hex(arguments),
    )
    return {"variables": [variable_out(child, client) for child in children]}


@question("setVariable", supportsSetVariable=True)
def set_variable(pause: Pause, arguments: Arguments, client: Client) -> Json:
    value = pause.set_variable(
        arguments.needed_number("variablesReference"),
        arguments.needed_text("name"),
        arguments.needed_text("value"),
        _hex(arguments),
    )
    return value_out(value, "value")


@question("setExpression", supportsSetExpression=True)
def set_expression(pause: Pause, arguments: Arguments, client: Client) -> Json:
    value = pause.set_expression(
        arguments.needed_text("expression"),
        arguments.needed_text("value"),
        arguments.maybe_number("frameId"),
        _hex(arguments),
    )
    return value_out(value, "value")


NO_HOVER = re.compile(
    r"""[\w\])}$]\s*(?:[({$]|\[=*\[)           # a call; $ stands for a string
    |   (?<![=~<>])=(?!=)                       # an assignment
    |   \b(?:do|while|for|if|repeat|function|local|goto|return|break)\b""",
    re.VERBOSE,
)
OPERATORS = re.compile(r"\b(?:and|or|not)\b")
STRINGS = re.compile(r"""(["'])(?:\\.|(?!\1).)*\1""", re.DOTALL)


def without_effects(expression: str) -> str:
    """An expression that may be evaluated because the mouse rests on it. Raises UserError."""
    shape = OPERATORS.sub("+", STRINGS.sub("$", expression))
    if NO_HOVER.search(shape):
        raise UserError("a hover calls nothing and assigns nothing")
    return expression


@question("evaluate", supportsEvaluateForHovers=True, supportsClipboardContext=True)
def evaluate(pause: Pause, arguments: Arguments, client: Client) -> Json:
    expression, context = arguments.needed_text("expression"), arguments.text("context")
    value = pause.evaluate(
        without_effects(expression) if context == "hover" else expression,
        arguments.maybe_number("frameId"),
        context,
        _hex(arguments),
    )
    return value_out(value, "result")


@question("completions", supportsCompletionsRequest=True, completionTriggerCharacters=[".", ":"])
def completions(pause: Pause, arguments: Arguments, client: Client) -> Json:
    text = arguments.needed_text("text")
    line = client.line_in(arguments.number("line", client.first_line))
    column = client.column_in(arguments.needed_number("column"))
    lines = text.split("\n")
    text = lines[min(max(line, 1), len(lines)) - 1]
    before = utf16_before(text, column - 1)
    found = pause.completions(before, len(before) + 1, arguments.maybe_number("frameId"))
    return {"targets": [completion_out(one, before, client) for one in found]}


@question("exceptionInfo", supportsExceptionInfoRequest=True)
def exception_info(pause: Pause, arguments: Arguments, client: Client) -> Json:
    return exception_out(pause.exception())


def _hex(arguments: Arguments) -> bool:
    return arguments.object("format").flag("hex")
