"""What helps while writing: completion, hover, signatures."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from llmspell_kernel.language.completion import Item, complete
from llmspell_kernel.language.hover import hover, running_name, running_text
from llmspell_kernel.language.server.app import Server, feature
from llmspell_kernel.language.server.kernels import about, look
from llmspell_kernel.language.signatures import signature
from llmspell_kernel.language.words import tool_text

KIND = types.CompletionItemKind
KINDS = {
    "tool": KIND.Module,
    "parameter": KIND.Property,
    "value": KIND.EnumMember,
    "function": KIND.Function,
    "method": KIND.Method,
    "field": KIND.Field,
    "variable": KIND.Variable,
    "module": KIND.Module,
    "keyword": KIND.Keyword,
    "table": KIND.Class,
}
AFTER = [".", ":", '"', "'", "{", "(", ",", "="]
QUIET = ("{", "(", ",", "=")  # only what we alone know is worth to come up by itself after these
OPTIONS = types.CompletionOptions(trigger_characters=AFTER, resolve_provider=True)


@feature(types.TEXT_DOCUMENT_COMPLETION, OPTIONS)
def completions(ls: Server, params: types.CompletionParams) -> types.CompletionList:
    look(ls)
    document = ls.document(params.text_document)
    offset = ls.offset(document, params.position)
    context = params.context
    by_itself = context is not None and context.trigger_character in QUIET
    found = complete(ls.world, document, offset, ls.settings.everyday, by_itself)
    edit = types.Range(ls.position(document.now.text, found.word.start), params.position)
    return types.CompletionList(not found.complete, [_item(one, index, edit) for index, one in enumerate(found.items)])


def _item(one: Item, index: int, edit: types.Range) -> types.CompletionItem:
    item = types.CompletionItem(one.label, kind=KINDS[one.kind])
    item.sort_text = f"{index:04}"
    item.text_edit = types.TextEdit(edit, one.insert or one.label)
    item.detail = one.detail or None
    if one.doc:
        item.documentation = types.MarkupContent(types.MarkupKind.Markdown, one.doc)
    if one.kind == "tool":
        item.data = {"tool": one.label}
    return item


@feature(types.COMPLETION_ITEM_RESOLVE)
def resolve(ls: Server, item: types.CompletionItem) -> types.CompletionItem:
    data: Any = item.data
    info = ls.world.tools.info(str(data["tool"])) if isinstance(data, dict) and "tool" in data else None
    if info is not None:
        item.documentation = types.MarkupContent(types.MarkupKind.Markdown, tool_text(info))
        item.detail = f"tool · {info.category}"
    return item


@feature(types.TEXT_DOCUMENT_HOVER)
async def hovered(ls: Server, params: types.HoverParams) -> types.Hover | None:
    look(ls)
    document = ls.document(params.text_document)
    offset, text = ls.offset(document, params.position), document.now.text
    found = hover(ls.world, document, offset, ls.settings.everyday)
    running = running_name(ls.world, document, offset)
    if found is None:
        return None
    place, shown = ls.range(text, found.span), found.text
    if running is not None:
        path, field = running
        shown = running_text(path, field, await about(ls, field.kernel, path))
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, shown), place)


@feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions(["(", ",", "{", "="], [")"]))
def signatures(ls: Server, params: types.SignatureHelpParams) -> types.SignatureHelp | None:
    document = ls.document(params.text_document)
    found = signature(ls.world, document, ls.offset(document, params.position), ls.settings.everyday)
    if found is None:
        return None
    listed = [types.ParameterInformation(label, _markdown(doc)) for label, doc in found.parameters]
    one = types.SignatureInformation(found.label, _markdown(found.doc), listed, found.active)
    return types.SignatureHelp([one], 0, found.active)


def _markdown(text: str) -> types.MarkupContent | None:
    return types.MarkupContent(types.MarkupKind.Markdown, text) if text else None
