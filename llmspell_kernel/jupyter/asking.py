"""What front ends ask while a person types: completions, what a name means, whether a cell is complete, history.

Lua thread only; no code of the program runs for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llmspell_kernel.jupyter.messages import BadContent, Content, Json, presentable
from llmspell_kernel.lua.keywords import KEYWORDS

if TYPE_CHECKING:
    from llmspell_kernel.jupyter.history import Entry
    from llmspell_kernel.jupyter.kernel import Kernel, Request

# Patterns are texts, which `re` compiles when they are first used: nobody waits for it when a kernel starts.
NAME = r"[A-Za-z_]\w*"
LINK = rf"""{NAME}(?:\s*\.\s*{NAME}|\[\s*(?:"[^"\\\n]*"|'[^'\\\n]*'|\d+)\s*\])*"""
BEFORE = rf"(?:({LINK})\s*([.:])\s*)?({NAME})?\Z"
PARTS = rf"""({NAME})|\[\s*(?:"([^"]*)"|'([^']*)'|(\d+))\s*\]"""
TOOL = r"""\bTool\.(?:execute|invoke|get|exists|info|map)\s*\(?\s*(["'])([\w-]*)\Z"""
CALL = r"""\bTool\.(?:execute|invoke)\s*\(\s*(["'])([\w-]+)\1\s*,\s*\{((?:[^{}"']|"[^"\n]*"|'[^'\n]*')*)\Z"""
PARAMETER = rf"(?:\A|[,;])\s*({NAME})?\Z"
CHOICE = rf"""(?:\A|[,;])\s*({NAME})\s*=\s*(["'])([\w-]*)\Z"""
CALL_SIZE, NAME_SIZE = 4000, 500  # characters before the cursor in which a call of a tool begins, or a name
KEY = rf"""({LINK})\s*\[\s*(["'])([^"'\\\n]*)\Z"""
TEXTS = r"""(?xs)--\[(?P<c>=*)\[.*?(?:(\](?P=c)\])|\Z) | --[^\n]*(\n)? | \[(?P<s>=*)\[.*?(?:(\](?P=s)\])|\Z)
    | "(?:\\.|[^"\\\n])*(["\n])? | '(?:\\.|[^'\\\n])*(['\n])?"""  # strings and comments; a group is how one ends
ENDS = (2, 3, 5, 6, 7)
QUESTION = r"\s*(?:\?\s*([\w.:]+)|([\w.:]+)\s*\?)\s*"  # ?name, name?
DECLARED = rf"\b(?:local\s+function\s+|local\s+|for\s+|function\s*[\w.:]*\s*\()({NAME}(?:\s*,\s*{NAME})*)"


def path_of(expression: str) -> list[str]:
    """a.b["c"][1] as its parts; a numbered one with a # before."""
    return [a or b or c or f"#{d}" for a, b, c, d in re.findall(PARTS, expression)]


def _text_before(content: Content) -> str:
    code = content.text("code")
    at = content.number("cursor_pos", len(code))
    return code[: max(at, 0)]


# Completion -------------------------------------------------------------------------------------------


def complete(request: Request) -> Json:
    content = Content(request.message)
    before = _text_before(content)
    names, typed = _candidates(request.kernel, before, content.text("code"))
    found = sorted({name: kind for name, kind in names if name.startswith(typed)}.items())
    start = len(before) - len(typed)
    types = [{"text": name, "type": kind, "start": start, "end": len(before)} for name, kind in found]
    return {
        "status": "ok",
        "matches": [name for name, _ in found],
        "cursor_start": start,
        "cursor_end": len(before),
        "metadata": {"_jupyter_types_experimental": types},
    }


def _candidates(kernel: Kernel, before: str, code: str) -> tuple[list[tuple[str, str]], str]:
    """Names with their kinds, and how much of one is typed."""
    recent = before[-NAME_SIZE:]
    if tool := re.search(TOOL, recent):
        return [(name, "tool") for name in kernel.tools().names()], tool[2]
    if (of_tool := _parameters(kernel, before[-CALL_SIZE:])) is not None:
        return of_tool
    if key := re.search(KEY, recent):
        return kernel.cells.names(path_of(key[1])), key[3]
    place = re.search(BEFORE, recent)
    owner, mark, typed = place.groups("") if place else ("", "", "")
    if _in_text(before):
        return [], typed
    if not owner:
        if re.search(r"(?:(?<!\.)\.|:)\s*\Z", recent[: len(recent) - len(typed)]):
            return [], typed  # of what is no name: a call, a string (two dots join texts)
        words = [(word, "keyword") for word in KEYWORDS] if typed else []
        return [*_written_so(kernel.cells.names([])), *_declared(code, typed), *words], typed
    names = _written_so(kernel.cells.names(path_of(owner)))
    return [one for one in names if mark == "." or one[1] == "function"], typed


def _in_text(before: str) -> bool:
    """Whether the cursor is in a string or a comment."""
    texts = list(re.finditer(TEXTS, before))
    return bool(texts) and texts[-1].end() == len(before) and not any(texts[-1][end] for end in ENDS)


def _written_so(names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without keys that can't be written as a name."""
    return [one for one in names if re.fullmatch(NAME, one[0], re.ASCII) and one[0] not in KEYWORDS]


def _parameters(kernel: Kernel, before: str) -> tuple[list[tuple[str, str]], str] | None:
    """In the table of a tool's parameters: their names, or what one may be."""
    string = re.search(r"""=\s*["'][\w-]*\Z""", before)  # it is open still
    call = re.search(CALL, before[: string.start()] if string else before)
    if call is None or not kernel.tools().exists(call[2]):
        return None
    told = kernel.tools().info(call[2])
    properties = told["schema"].get("properties", {})
    if string is not None:
        choice = re.search(CHOICE, call[3] + before[string.start() :])
        if choice is None:
            return None
        name = told.get("parameter_aliases", {}).get(choice[1], choice[1])
        return [(str(one), "value") for one in properties.get(name, {}).get("enum", ())], choice[3]
    place = re.search(PARAMETER, call[3])
    if place is None:
        return None
    given = set(re.findall(rf"({NAME})\s*=", call[3]))
    others = (set(told.get("parameter_aliases", ())) | given) - {place[1]}
    return [(name, "param") for name in properties if name not in others], place[1] or ""


def _declared(code: str, typed: str) -> list[tuple[str, str]]:
    """Locals and parameters that the cell itself declares."""
    found = [name.strip() for names in re.findall(DECLARED, code) for name in names.split(",")]
    return [(name, "local") for name in found if name != typed and name not in KEYWORDS]


# Inspection -------------------------------------------------------------------------------------------


def inspect(request: Request) -> Json:
    content = Content(request.message)
    code = content.text("code")
    at = max(content.number("cursor_pos", len(code)), 0)
    names = filter(None, (_name_at(code, at), _called(code[:at])))
    found = next((told for name in names if (told := about(request.kernel, name)) is not None), None)
    return {"status": "ok", "found": found is not None, "data": found or {}, "metadata": {}}


def _name_at(code: str, at: int) -> str:
    """The name under the cursor, with what it is a field of."""
    end = at
    while end < len(code) and (code[end].isalnum() or code[end] == "_"):
        end += 1
    return _name_before(code[:end])


def _called(before: str) -> str:
    """The function in whose parentheses the cursor is."""
    opened = []
    for token in re.finditer(TOKENS, before):
        if token[0] in "([{":
            opened.append(token)
        elif token[0] in ")]}" and opened:
            opened.pop()
    call = next((one for one in reversed(opened) if one[0] == "("), None)
    return "" if call is None else _name_before(before[: call.start()].rstrip())


def _name_before(code: str) -> str:
    place = re.search(rf"({LINK}(?:\s*:\s*{NAME})?)\Z", code[-NAME_SIZE:])
    return place[1].replace(":", ".") if place else ""


def about(kernel: Kernel, name: str) -> Json | None:
    """What a name means, as a MIME bundle; None if it means nothing."""
    found = kernel.cells.describe(path_of(name))
    if found is None:
        tools = kernel.tools()
        return _tool_bundle(tools.info(name)) if tools.exists(name) else None
    kind, shown, *more = (one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in found)
    lines = [f"{name}: {kind}"]
    if more:
        parameters, source, first, last = map(str, more)
        lines = [f"function {name}({parameters})", f"defined in {kernel.renamed(source.lstrip('@='))}, line {first}"]
        lines += _source_lines(kernel, source.removeprefix("@"), int(first), int(last))
    else:
        lines.append(shown)
    text = presentable("\n".join(lines))
    return {"text/plain": text}


def _source_lines(kernel: Kernel, path: str, first: int, last: int) -> list[str]:
    """The function, with the comment that stands before it."""
    code = kernel.cells.texts.get(path)
    if code is None or first < 1:
        return []
    lines = code.split("\n")
    start = first - 1
    while start > 0 and lines[start - 1].lstrip().startswith("--"):
        start -= 1
    return ["", *lines[start:last]]


def _tool_bundle(info: Json) -> Json:
    schema = info["schema"]
    required = schema.get("required", [])
    lines = [f"tool {info['name']} ({info['category']})", info["description"], ""]
    for name, one in schema.get("properties", {}).items():
        lines.append(f"  {name}{' (needed)' if name in required else ''}  {one.get('description', '')}".rstrip())
    return {"text/plain": presentable("\n".join(lines))}


# Completeness -------------------------------------------------------------------------------------------

TOKENS = r"""(?xs)--\[(?P<c>=*)\[.*?(?:\](?P=c)\]|\Z) | --[^\n]* | \[(?P<s>=*)\[.*?(?:\](?P=s)\]|\Z)
    | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | \w+ | [(){}\[\]]"""
OPEN = {"function": 1, "do": 1, "then": 1, "repeat": 1, "(": 1, "{": 1, "[": 1, "else": 1}
CLOSE = {"end": -1, "until": -1, ")": -1, "}": -1, "]": -1, "elseif": -1}
INDENT = "    "


def is_complete(request: Request) -> Json:
    code = Content(request.message).text("code")
    problems = request.kernel.cells.problems(code)
    if not problems or re.fullmatch(QUESTION, code):
        return {"status": "complete"}
    if any(one.endswith("near <eof>") and _may_go_on(one, code) for one in problems):
        return {"status": "incomplete", "indent": indent_after(code)}
    return {"status": "invalid"}


def _may_go_on(problem: str, code: str) -> bool:
    """A string in quotes ends on its line, unless the line says otherwise."""
    return "unfinished string" not in problem or code.endswith("\\") or code.rstrip().endswith("\\z")


def indent_after(code: str) -> str:
    """The last line's own indent, and one level more if it opens what it does not close."""
    lines = [line for line in code.split("\n") if line.strip()]
    if not lines:
        return ""
    last = lines[-1]
    depth = 0
    for token in re.finditer(TOKENS, last):
        word = token[0]
        depth += OPEN.get(word, 0) + CLOSE.get(word, 0)
        if word == "else":  # closes what `then` has opened, on a line before
            depth -= 1 if depth > 1 else 0
    own = last[: len(last) - len(last.lstrip())]
    opens = depth > 0 or re.match(r"\s*elseif\b.*\bthen\s*$", last) is not None
    return own + INDENT if opens else own


# History ------------------------------------------------------------------------------------------------


def history(request: Request) -> Json:
    content = Content(request.message)
    kernel, kind = request.kernel, content.text("hist_access_type", "tail")
    entries: list[Entry]
    if kind == "tail":
        entries = kernel.history.tail(content.number("n", 10))
    elif kind == "range":
        stop = content.values.get("stop")
        here = content.number("session", 0) in (0, 1)
        entries = kernel.history.range(content.number("start", 0), stop if type(stop) is int else None) if here else []
    elif kind == "search":
        n = content.values.get("n")
        unique = content.flag("unique", False)
        entries = kernel.history.search(content.text("pattern", "*"), n if type(n) is int else None, unique)
    else:
        raise BadContent(f"history_request: `hist_access_type` is tail, range or search, not {kind!r}")
    return {"status": "ok", "history": [_entry(one, content.flag("output", False)) for one in entries]}


def _entry(entry: Entry, output: bool) -> list[Any]:
    return [1, entry.number, [entry.code, entry.output] if output else entry.code]
