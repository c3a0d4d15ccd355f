"""From a name to its other places: definition, references, rename, symbols."""

from __future__ import annotations

from lsprotocol import types

from llmspell_kernel.language.navigation import (
    Place,
    Reference,
    definition,
    highlights,
    references,
    renamable,
    renamed,
)
from llmspell_kernel.language.server.app import Server, feature
from llmspell_kernel.language.symbols import Symbol, flat, symbols
from llmspell_kernel.language.text import Text

KINDS = {
    "function": types.SymbolKind.Function,
    "method": types.SymbolKind.Method,
    "variable": types.SymbolKind.Variable,
    "constant": types.SymbolKind.Constant,
    "table": types.SymbolKind.Object,
}
MOST = 500


@feature(types.TEXT_DOCUMENT_DEFINITION)
def definitions(ls: Server, params: types.DefinitionParams) -> list[types.Location]:
    document = ls.document(params.text_document)
    found = definition(ls.world, document, ls.offset(document, params.position), ls.settings.everyday)
    return [_location(ls, one) for one in found]


def _location(ls: Server, place: Place) -> types.Location:
    if place.document is None:
        start = types.Position(place.line, 0)
        return types.Location(ls.uri(place.path), types.Range(start, start))
    return types.Location(ls.uri(place.path), ls.range(place.document.now.text, place.span))


@feature(types.TEXT_DOCUMENT_REFERENCES)
def all_references(ls: Server, params: types.ReferenceParams) -> list[types.Location]:
    if not ls.settings.everyday:
        return []
    document = ls.document(params.text_document)
    found = references(ls.world, document, ls.offset(document, params.position))
    wanted = params.context.include_declaration
    return [_referred(ls, one) for one in found if wanted or not one.declaration]


def _referred(ls: Server, one: Reference) -> types.Location:
    return types.Location(ls.uri(one.document.path), ls.range(one.document.now.text, one.span))


@feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
def document_highlights(ls: Server, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
    if not ls.settings.everyday:
        return []
    document = ls.document(params.text_document)
    kind = types.DocumentHighlightKind
    return [
        types.DocumentHighlight(ls.range(document.now.text, one.span), kind.Write if one.write else kind.Read)
        for one in highlights(ls.world, document, ls.offset(document, params.position))
    ]


@feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
def prepare_rename(ls: Server, params: types.PrepareRenameParams) -> types.Range | None:
    if not ls.settings.everyday:
        return None
    document = ls.document(params.text_document)
    span = renamable(ls.world, document, ls.offset(document, params.position))
    return ls.range(document.now.text, span)


@feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
def rename(ls: Server, params: types.RenameParams) -> types.WorkspaceEdit | None:
    if not ls.settings.everyday:
        return None
    document = ls.document(params.text_document)
    edits: dict[str, list[types.TextEdit]] = {}
    for one in renamed(ls.world, document, ls.offset(document, params.position), params.new_name):
        edit = types.TextEdit(ls.range(one.document.now.text, one.span), params.new_name)
        edits.setdefault(ls.uri(one.document.path), []).append(edit)
    return types.WorkspaceEdit(edits)


# Symbols ----------------------------------------------------------------------------------------------


@feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
def document_symbols(ls: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    if not ls.settings.everyday:
        return []
    document = ls.document(params.text_document)
    return [_symbol(ls, document.now.text, one) for one in symbols(document)]


def _symbol(ls: Server, text: Text, one: Symbol) -> types.DocumentSymbol:
    children = [_symbol(ls, text, child) for child in one.children]
    where, name = ls.range(text, one.span), ls.range(text, one.name_span)
    return types.DocumentSymbol(one.name, KINDS[one.kind], where, name, one.detail or None, children=children)


@feature(types.WORKSPACE_SYMBOL)
def workspace_symbols(ls: Server, params: types.WorkspaceSymbolParams) -> list[types.SymbolInformation]:
    wanted, found = params.query.lower(), list[types.SymbolInformation]()
    for document in ls.world.documents() if ls.settings.everyday else ():
        for one, around in flat(document):
            if wanted in one.name.lower():
                place = types.Location(ls.uri(document.path), ls.range(document.now.text, one.name_span))
                found.append(types.SymbolInformation(place, one.name, KINDS[one.kind], container_name=around or None))
                if len(found) == MOST:
                    return found
    return found
