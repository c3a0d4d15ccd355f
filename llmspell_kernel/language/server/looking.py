"""What the text looks like: colours, folds, selections, hints, lenses, values while debugging."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from llmspell_kernel.language.document import Document
from llmspell_kernel.language.looks import Token, evaluatable, hints, inline_values, lenses, tokens
from llmspell_kernel.language.server.app import Server, command, feature
from llmspell_kernel.language.shapes import folds, selections
from llmspell_kernel.language.text import Span

TYPES = ["parameter", "variable"]
MODIFIERS = ["declaration", "readonly", "upvalue", "global", "defaultLibrary"]
LEGEND = types.SemanticTokensLegend(TYPES, MODIFIERS)


@feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, LEGEND)
def semantic_tokens(ls: Server, params: types.SemanticTokensParams) -> types.SemanticTokens:
    document = ls.document(params.text_document)
    return _encoded(ls, document, tokens(document) if ls.settings.everyday else [])


@feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, LEGEND)
def semantic_tokens_range(ls: Server, params: types.SemanticTokensRangeParams) -> types.SemanticTokens:
    document = ls.document(params.text_document)
    span = ls.span(document, params.range)
    return _encoded(ls, document, tokens(document, span) if ls.settings.everyday else [])


def _encoded(ls: Server, document: Document, found: list[Token]) -> types.SemanticTokens:
    """Each token by its distance to the one before: lines, characters."""
    data: list[int] = []
    line = character = 0
    for one in found:
        start, end = (document.now.text.position(offset, ls.encoding) for offset in one.span)
        distance = start.character - character if start.line == line else start.character
        bits = sum(1 << MODIFIERS.index(modifier) for modifier in one.modifiers)
        data += [start.line - line, distance, end.character - start.character, TYPES.index(one.kind), bits]
        line, character = start
    return types.SemanticTokens(data)


@feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
def folding(ls: Server, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
    if not ls.settings.everyday:
        return []
    kinds = {"comment": types.FoldingRangeKind.Comment}
    return [
        types.FoldingRange(one.first, one.last, kind=kinds.get(one.kind))
        for one in folds(ls.document(params.text_document))
    ]


@feature(types.TEXT_DOCUMENT_SELECTION_RANGE)
def selection(ls: Server, params: types.SelectionRangeParams) -> list[types.SelectionRange]:
    document = ls.document(params.text_document)
    found = []
    for position in params.positions:
        around: types.SelectionRange | None = None
        for span in reversed(selections(document, ls.offset(document, position))):
            around = types.SelectionRange(ls.range(document.now.text, span), around)
        assert around is not None, "the whole text is around any place"
        found.append(around)
    return found


@feature(types.TEXT_DOCUMENT_INLAY_HINT)
def inlay_hints(ls: Server, params: types.InlayHintParams) -> list[types.InlayHint]:
    if not (ls.settings.everyday and ls.settings.inlay_hints):
        return []
    document = ls.document(params.text_document)
    return [
        types.InlayHint(ls.position(document.now.text, one.at), one.label, types.InlayHintKind.Parameter,
                        padding_right=True)
        for one in hints(ls.world, document, ls.span(document, params.range))
    ]  # fmt: skip


@feature(types.TEXT_DOCUMENT_CODE_LENS)
def code_lenses(ls: Server, params: types.CodeLensParams) -> list[types.CodeLens]:
    """The commands are the editor's: `llmspell.run` and `llmspell.debug`, with the uri and a function's name."""
    document, uri = ls.document(params.text_document), params.text_document.uri
    found = []
    for one in lenses(ls.world, document):
        where = ls.range(document.now.text, one.span)
        arguments: list[Any] = [uri, one.function] if one.function else [uri]
        for title, name in (("Run", "llmspell.run"), ("Debug", "llmspell.debug")):
            found.append(types.CodeLens(where, types.Command(title, name, arguments=arguments)))
    return found


@feature(types.TEXT_DOCUMENT_INLINE_VALUE)
def inline(ls: Server, params: types.InlineValueParams) -> list[types.InlineValue]:
    document = ls.document(params.text_document)
    stopped = ls.offset(document, params.context.stopped_location.end)
    found = inline_values(document, ls.span(document, params.range), stopped)
    text = document.now.text
    return [
        types.InlineValueEvaluatableExpression(ls.range(text, one.span), one.expression)
        if one.expression is not None
        else types.InlineValueVariableLookup(ls.range(text, one.span), True, text.string(one.span))
        for one in found
    ]


@command("llmspell.evaluatable")
def evaluatable_expression(ls: Server, uri: str, position: types.Position) -> dict[str, Any] | None:
    """For the editor's debugger: what is to be evaluated when somebody hovers: ``{range, expression}`` or null."""
    document = ls.document(types.TextDocumentIdentifier(uri))
    found = evaluatable(document, ls.offset(document, position))
    if found is None:
        return None
    span: Span = found[0]
    return {"range": ls.range(document.now.text, span), "expression": found[1]}
