"""From a name to its other places: definition, references, rename, symbols."""

from __future__ import annotations

import os

from lsprotocol import types

from llmspell_kernel.language.members import Reference
from llmspell_kernel.language.navigation import (
    Place,
    definition,
    highlights,
    references,
)
from llmspell_kernel.language.renaming import renamable, renamed
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
SOME = 5  # places that are named in a message
DOUBTFUL = "doubtful"


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
    found = renamed(ls.world, document, ls.offset(document, params.position), params.new_name)
    doubtful = [one for one in found if not one.certain]
    if not doubtful:
        return types.WorkspaceEdit(_edits(ls, found, params.new_name))
    if _asks(ls):
        return _to_be_confirmed(ls, found, params.new_name)
    places = ", ".join(f"{os.path.basename(one.document.path)}:{_line(one)}" for one in doubtful[:SOME])
    told = f"Left as it was where it is not known what it is a field of: {places}{' …' if len(doubtful) > SOME else ''}"
    ls.window_show_message(types.ShowMessageParams(types.MessageType.Warning, told))
    return types.WorkspaceEdit(_edits(ls, [one for one in found if one.certain], params.new_name))


def _asks(ls: Server) -> bool:
    """Whether the editor lets people choose among changes."""
    workspace = ls.client_capabilities.workspace
    edits = workspace.workspace_edit if workspace is not None else None
    return edits is not None and bool(edits.document_changes) and edits.change_annotation_support is not None


def _edits(ls: Server, found: list[Reference], name: str) -> dict[str, list[types.TextEdit]]:
    edits: dict[str, list[types.TextEdit]] = {}
    for one in found:
        edit = types.TextEdit(ls.range(one.document.now.text, one.span), name)
        edits.setdefault(ls.uri(one.document.path), []).append(edit)
    return edits


def _to_be_confirmed(ls: Server, found: list[Reference], name: str) -> types.WorkspaceEdit:
    asked = types.ChangeAnnotation("Fields of the same name", True, "It is not known what they are fields of.")
    changes: dict[str, list[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit]] = {}
    for one in found:
        place = ls.range(one.document.now.text, one.span)
        edit = types.TextEdit(place, name) if one.certain else types.AnnotatedTextEdit(DOUBTFUL, place, name)
        changes.setdefault(ls.uri(one.document.path), []).append(edit)
    documents = [
        types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri), edits)
        for uri, edits in changes.items()
    ]
    return types.WorkspaceEdit(document_changes=documents, change_annotations={DOUBTFUL: asked})


def _line(one: Reference) -> int:
    return one.document.now.text.line_of(one.span.start) + 1


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
        if wanted.encode() not in document.now.text.data.lower():
            continue  # nothing is parsed for it
        for one, around in flat(document):
            if wanted in one.name.lower():
                place = types.Location(ls.uri(document.path), ls.range(document.now.text, one.name_span))
                found.append(types.SymbolInformation(place, one.name, KINDS[one.kind], container_name=around or None))
                if len(found) == MOST:
                    return found
    return found
