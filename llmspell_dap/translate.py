"""Values of the debugger ↔ bodies of the protocol. No thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from llmspell_dap.context import Client
from llmspell_dap.protocol import Arguments, Json
from llmspell_kernel.debug.model import (
    Breakpoint,
    BreakpointState,
    Completion,
    ExceptionInfo,
    Frame,
    FunctionBreakpoint,
    Location,
    Parameter,
    Scope,
    Source,
    Value,
    Variable,
)
from llmspell_kernel.errors import UserError

SCOPE_HINTS = {"locals": "locals", "returnValue": "returnValue", "varargs": "arguments"}
FRAME_HINTS = {"lua": "normal", "label": "label", "c": "subtle", "tool": "subtle"}


def without_none(body: Json) -> Json:
    """Null is never sent."""
    return {key: value for key, value in body.items() if value is not None}


def source_out(source: Source, client: Client) -> Json:
    if source.path is not None:
        return {"name": source.name, "path": client.path_out(source.path)}
    return {"name": source.name, "sourceReference": source.reference}


def source_in(arguments: Arguments, client: Client) -> Source:
    reference = arguments.number("sourceReference")
    if reference > 0:
        return Source(arguments.text("name", f"source {reference}"), None, reference)
    path = arguments.maybe_path("path")
    if not path:
        raise UserError(f"{arguments.where}: a source needs `path` or `sourceReference`")
    path = client.path_in(path)
    return Source(path.replace("\\", "/").rsplit("/", 1)[-1], path)


def breakpoint_in(arguments: Arguments, client: Client) -> Breakpoint:
    return Breakpoint(
        client.line_in(arguments.needed_number("line")),
        arguments.maybe_text("condition") or None,
        arguments.maybe_text("hitCondition") or None,
        arguments.maybe_text("logMessage") or None,
        None if (column := arguments.maybe_number("column")) is None else client.column_in(column),
    )


def function_breakpoint_in(arguments: Arguments) -> FunctionBreakpoint:
    return FunctionBreakpoint(
        arguments.needed_text("name"),
        arguments.maybe_text("condition") or None,
        arguments.maybe_text("hitCondition") or None,
    )


def breakpoint_out(state: BreakpointState, client: Client) -> Json:
    return without_none(
        {
            "id": state.id,
            "verified": state.verified,
            "line": None if state.source is None else client.line_out(state.line),
            "column": None if state.column is None else client.column_out(state.column),
            "source": None if state.source is None else source_out(state.source, client),
            "message": state.message,
            "reason": state.reason,
        }
    )


def location_out(location: Location, client: Client) -> Json:
    body: Json = {"line": client.line_out(location.line)}
    if location.column is not None and location.end_line is not None and location.end_column is not None:
        body["column"] = client.column_out(location.column)
        body["endLine"] = client.line_out(location.end_line)
        body["endColumn"] = client.column_out(location.end_column)
    return body


class FrameStyle(NamedTuple):
    """How the names of frames are to look: DAP's StackFrameFormat."""

    names: bool
    types: bool
    values: bool
    line: bool
    module: bool
    hex: bool

    @property
    def parameters(self) -> bool:
        return self.names or self.types or self.values


def frame_style(format: Arguments) -> FrameStyle:
    """``parameters`` alone means their names and values; false, that there are none."""
    names, types, values = (format.flag(f"parameter{what}") for what in ("Names", "Types", "Values"))
    some = names or types or values
    shown = format.flag("parameters", some)
    return FrameStyle(
        shown and (names or not some),
        shown and types,
        shown and (values or not some),
        format.flag("line"),
        format.flag("module"),
        format.flag("hex"),
    )


def frame_name(frame: Frame, parameters: Sequence[Parameter], style: FrameStyle) -> str:
    """``program.lua!f(a = 1, b = "x"):12``, or as much of it as is wanted."""
    module = f"{frame.source.name}!" if style.module and frame.source is not None else ""
    given = f"({', '.join(_parameter(one, style) for one in parameters)})" if style.parameters else ""
    return f"{module}{frame.name}{given}{f':{frame.line}' if style.line else ''}"


def _parameter(parameter: Parameter, style: FrameStyle) -> str:
    words = [word for word, shown in ((parameter.type, style.types), (parameter.name, style.names)) if shown]
    return " = ".join(filter(None, [" ".join(words), parameter.value if style.values else ""]))


def frame_out(frame: Frame, client: Client) -> Json:
    body: Json = {
        "id": frame.id,
        "name": frame.name,
        "line": client.line_out(frame.line) if frame.source else 0,
        "column": client.column_out(frame.column) if frame.source else 0,
        "presentationHint": "subtle" if frame.library else FRAME_HINTS[frame.kind],
    }
    if frame.source is not None:
        hint = {"presentationHint": "deemphasize", "origin": "library"} if frame.library else {}
        body["source"] = {**source_out(frame.source, client), **hint}
    return body


def scope_out(scope: Scope) -> Json:
    body: Json = {
        "name": scope.name,
        "variablesReference": scope.reference,
        "expensive": scope.expensive,
    }
    if scope.kind in SCOPE_HINTS:
        body["presentationHint"] = SCOPE_HINTS[scope.kind]
    return {**body, **_counts(scope.named, scope.indexed)}


def _counts(named: int, indexed: int) -> Json:
    """Only a thing with numbered children is worth paging; -1 named ones are not counted."""
    if indexed <= 0:
        return {}
    return {"indexedVariables": indexed, **({"namedVariables": named} if named >= 0 else {})}


def value_out(value: Value, key: str) -> Json:
    return {
        key: value.text,
        "type": value.type,
        "variablesReference": value.reference,
        **_counts(value.named, value.indexed),
    }


def variable_out(variable: Variable, client: Client) -> Json:
    body = value_out(variable.value, "value")
    body["name"] = variable.name
    if not client.variable_types:
        del body["type"]
    if variable.evaluate_name is not None:
        body["evaluateName"] = variable.evaluate_name
    hint: dict[str, Any] = {}
    if variable.lazy:
        hint["lazy"] = True
    if variable.read_only:
        hint["attributes"] = ["readOnly"]
    if variable.internal:
        hint["visibility"] = "internal"
    if variable.value.type == "function":
        hint["kind"] = "method"
    return {**body, "presentationHint": hint} if hint else body


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_before(text: str, units: int) -> str:
    """The beginning of a text that is so many UTF-16 code units long."""
    return text.encode("utf-16-le", "surrogatepass")[: max(units, 0) * 2].decode("utf-16-le", "ignore")


def completion_out(completion: Completion, text: str, client: Client) -> Json:
    """DAP counts columns in UTF-16 code units, Python in characters."""
    return {
        "label": completion.label,
        "type": completion.kind,
        "start": client.column_out(utf16_length(text[: completion.start]) + 1),
        "length": completion.length,
    }


def exception_out(info: ExceptionInfo) -> Json:
    return {
        "exceptionId": info.id,
        "description": info.description,
        "breakMode": info.mode,
        "details": _details(info),
    }


def _details(info: ExceptionInfo) -> Json:
    body: Json = {
        "message": info.description,
        "typeName": info.type_name,
        "stackTrace": info.traceback,
    }
    if info.inner is not None:
        body["innerException"] = [_details(info.inner)]
    return body
