"""What is wrong in a text: what Lua does not like, tools and their parameters, names. Pure; any thread."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from llmspell_kernel.language.api import BEYOND, api
from llmspell_kernel.language.blanking import error_place
from llmspell_kernel.language.document import Document
from llmspell_kernel.language.names import Occurrence, is_read
from llmspell_kernel.language.silenced import without_silenced
from llmspell_kernel.language.text import Span, Text
from llmspell_kernel.language.tool_problems import Fix, Problem, tool_problems
from llmspell_kernel.language.undefined import EARLIER, defined_globals, undefined
from llmspell_kernel.language.values import World
from llmspell_kernel.lua.check import Problem as SyntaxProblem
from llmspell_kernel.lua.check import syntax_problem

__all__ = ["Fix", "Problem", "problems"]


def problems(world: World, document: Document, everyday: bool = True) -> list[Problem]:
    """In the order of the text. What only we know is told in any case."""
    found = tool_problems(world, document)
    if everyday:
        problem = document.now.problem
        if world.runtime(document.path) != "lua54":
            problem = syntax_problem(document.now.text.data, world.runtime(document.path))
        if problem is not None:
            found.append(Problem("syntax", problem.message, _where(document, problem), "error"))
        else:
            found += name_problems(world, document)
    return sorted(without_silenced(document.now.text, found), key=lambda one: one.span)


# Lua's own complaint ----------------------------------------------------------------------------------


def _where(document: Document, problem: SyntaxProblem) -> Span:
    """Lua names a line and a token. Where the token is not to be found, tree-sitter says where it gave up."""
    text = document.now.text
    if problem.line == 0:
        return Span(0, min(1, len(text.data)))
    number = min(_lsp_line(text, problem.line), len(text.starts) - 1)
    line = text.line_span(number)
    if problem.near is None and "near" in problem.message:
        return _last_word(text)
    error = error_place(text, number) or 0
    if problem.near:
        near = problem.near.encode("utf-8", "surrogateescape")
        for start in (max(line.start, error), line.start):
            at = text.data.find(near, start, line.end)
            if at >= 0:
                return Span(at, at + len(near))
    if line.start <= error < line.end and problem.is_grammar:
        return Span(error, line.end)
    content = text.data[line.start : line.end]
    return Span(line.start + len(content) - len(content.lstrip()), line.end)


def _lsp_line(text: Text, line: int) -> int:
    """Lua counts ``\\n\\r`` as one line end, editors as two."""
    data, at, seen = text.data, 0, 1
    if b"\n\r" not in data:
        return line - 1
    while seen < line:
        ends = [one for one in (data.find(b"\n", at), data.find(b"\r", at)) if one >= 0]
        if not ends:
            break
        end = min(ends)
        pair = data[end : end + 2]
        at, seen = end + (2 if pair in (b"\r\n", b"\n\r") else 1), seen + 1
    return text.line_of(at)


def _last_word(text: Text) -> Span:
    end = len(text.data.rstrip())
    start = text.word(end).start
    return Span(start if start < end else max(end - 1, 0), end)


# Names ------------------------------------------------------------------------------------------------


def name_problems(world: World, document: Document) -> Iterator[Problem]:
    """Only of a text that Lua understands: in a broken one half of the names are not there yet."""
    now = document.now
    if not now.is_sound or now.root.has_error:
        return
    told: dict[str, Problem] = {}  # a name may be used a thousand times
    for name, use in undefined(world, document):
        if name not in told:
            told[name] = _undefined(document, name, use)
        yield _at(Span(use.start, use.end), told[name])
    for binding in now.names.variables():
        variable = binding.variable
        if variable is None or variable.kind not in ("local", "function") or variable.name.startswith("_"):
            continue
        if not is_read(variable) and variable.attribute != "close":
            start = binding.base + variable.at
            end = start + len(variable.name.encode("utf-8", "surrogatepass"))
            yield Problem("unused-local", f"{variable.name} is never used", Span(start, end), "hint")


def _at(where: Span, problem: Problem) -> Problem:
    """The same problem in another place; a fix replaces the name there."""
    fixes = tuple(Fix(one.title, tuple((where, new) for _, new in one.edits)) for one in problem.fixes)
    return problem._replace(span=where, fixes=fixes)


def _undefined(document: Document, name: str, use: Occurrence) -> Problem:
    where = Span(use.start, use.end)
    if name in BEYOND:
        return Problem("undefined-global", f"{name}: llmspell does not have this global", where, "warning")
    if name in EARLIER:
        now = EARLIER[name]
        change = (Fix(f"Change to {now!r}", ((where, now),)),) if now else ()
        hint = f"; Lua 5.4 has {now!r}" if now else "; it is of another Lua than 5.4"
        return Problem("undefined-global", f"no global named {name!r}{hint}", where, "warning", change)
    own = (*document.now.names.visible(use.start), *defined_globals(document))
    near = get_close_matches(name, [*own, *(one for one in api().globals if "." not in one)], 1, 0.75)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    fixes = tuple(Fix(f"Change to {one!r}", ((where, one),)) for one in near)
    return Problem("undefined-global", f"no global named {name!r}{hint}", where, "warning", fixes)
