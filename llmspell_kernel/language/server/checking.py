"""Diagnostics, and what the editor can do about them."""

from __future__ import annotations

from lsprotocol import types

from llmspell_kernel.language.document import Document
from llmspell_kernel.language.problems import Fix, Problem, problems
from llmspell_kernel.language.server.app import Server, feature

SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "hint": types.DiagnosticSeverity.Hint,
}
SOURCE = "llmspell"
MOST = 1000
SOON = 0.03  # seconds after a keystroke: a burst of them is checked once


def publish(ls: Server, path: str) -> None:
    document = ls.world.document(path)
    if document is None or path not in ls.opened():
        return
    listed = [_diagnostic(ls, document, one) for one in problems(ls.world, document, ls.settings.everyday)[:MOST]]
    ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(ls.uri(path), listed))


def check_all(ls: Server) -> None:
    for path in ls.opened():
        check(ls, path, SOON)


def check(ls: Server, path: str, seconds: float) -> None:
    ls.later(path, seconds, lambda path: publish(ls, path))


def _diagnostic(ls: Server, document: Document, problem: Problem) -> types.Diagnostic:
    return types.Diagnostic(
        ls.range(document.now.text, problem.span),
        problem.message,
        SEVERITIES[problem.severity],
        problem.code,
        source=SOURCE,
        tags=[types.DiagnosticTag.Unnecessary] if problem.code == "unused-local" else None,
    )


@feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions([types.CodeActionKind.QuickFix]))
def code_actions(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    wanted = params.context.only
    if wanted is not None and not any(_is_quick_fix(one) for one in wanted):
        return []
    document = ls.document(params.text_document)
    place = ls.span(document, params.range)
    return [
        _action(ls, document, params.text_document.uri, problem, index, fix)
        for problem in problems(ls.world, document, ls.settings.everyday)
        if problem.span.start <= place.end and place.start <= problem.span.end
        for index, fix in enumerate(problem.fixes)
    ]


def _is_quick_fix(kind: types.CodeActionKind | str) -> bool:
    return str(getattr(kind, "value", kind)) in ("", "quickfix")


def _action(
    ls: Server, document: Document, uri: str, problem: Problem, index: int, fix: Fix
) -> types.CodeAction:  # fmt: skip
    text = document.now.text
    edits = [types.TextEdit(ls.range(text, span), new) for span, new in fix.edits]
    return types.CodeAction(
        fix.title,
        types.CodeActionKind.QuickFix,
        diagnostics=[_diagnostic(ls, document, problem)],
        is_preferred=index == 0,
        edit=types.WorkspaceEdit({uri: edits}),
    )
