"""Life of the server and of its documents: initialize, texts, settings, files that change."""

from __future__ import annotations

import os
from typing import Any

from lsprotocol import types

from llmspell_kernel.language.server.app import Server, Settings, feature
from llmspell_kernel.language.server.checking import SOON, check, check_all
from llmspell_kernel.language.server.kernels import look, show
from llmspell_kernel.language.text import encoded

WATCHED = ("**/*.lua", "**/llmspell.toml", "**/*.py")


@feature(types.INITIALIZE)
def initialize(ls: Server, params: types.InitializeParams) -> None:
    given = [one.uri for one in params.workspace_folders or []] or [params.root_uri or ""]
    folders = [ls.path(uri) for uri in given if uri]
    if not folders and params.root_path:
        folders = [params.root_path]
    ls.world.folders = [os.path.normpath(one) for one in folders if os.path.isdir(one)]
    ls.tools.use(ls.world.folders)
    apply(ls, params.initialization_options)


@feature(types.INITIALIZED)
def initialized(ls: Server, _: types.InitializedParams) -> None:
    workspace = ls.client_capabilities.workspace
    watching = workspace.did_change_watched_files if workspace is not None else None
    if watching is not None and watching.dynamic_registration:
        watchers = [types.FileSystemWatcher(pattern) for pattern in WATCHED]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
        registration = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        ls.client_register_capability(types.RegistrationParams([registration]))
    if workspace is not None and workspace.configuration:
        _ask_settings(ls)


def _ask_settings(ls: Server) -> None:
    def answered(answer: Any) -> None:
        if apply(ls, answer[0] if answer else None):
            check_all(ls)

    ls.workspace_configuration(types.ConfigurationParams([types.ConfigurationItem(section="llmspell")]), answered)


def apply(ls: Server, given: Any) -> bool:
    """``{"everyday": false}``, in ``{"llmspell": …}`` or not; whether it changed something."""
    if isinstance(given, dict) and isinstance(given.get("llmspell"), dict):
        given = given["llmspell"]
    if not isinstance(given, dict):
        return False
    everyday, hints, kernels = given.get("everyday"), given.get("inlayHints"), given.get("kernels")
    before = ls.settings
    ls.settings = Settings(
        everyday if isinstance(everyday, bool) else before.everyday,
        hints if isinstance(hints, bool) else before.inlay_hints,
        kernels if isinstance(kernels, bool) else before.kernels,
    )
    if not ls.settings.kernels:
        show(ls, ())
    elif not before.kernels:
        look(ls)
    return ls.settings != before


@feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
def settings_changed(ls: Server, params: types.DidChangeConfigurationParams) -> None:
    workspace = ls.client_capabilities.workspace
    if params.settings is None and workspace is not None and workspace.configuration:
        _ask_settings(ls)
    elif apply(ls, params.settings):
        check_all(ls)


@feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
def files_changed(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    ls.world.look_again()
    if any(not one.uri.endswith(".lua") for one in params.changes):
        ls.tools.use(ls.world.folders)
    check_all(ls)


@feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
def folders_changed(ls: Server, params: types.DidChangeWorkspaceFoldersParams) -> None:
    gone = {os.path.normpath(ls.path(one.uri)) for one in params.event.removed}
    new = [os.path.normpath(ls.path(one.uri)) for one in params.event.added]
    ls.world.folders = [one for one in ls.world.folders if one not in gone] + new
    ls.tools.use(ls.world.folders)
    check_all(ls)


# Texts ------------------------------------------------------------------------------------------------


@feature(types.TEXT_DOCUMENT_DID_OPEN)
def opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    path = ls.remember(params.text_document.uri)
    ls.world.opened(path, encoded(params.text_document.text))
    check(ls, path, 0)
    look(ls)


@feature(types.TEXT_DOCUMENT_DID_CHANGE)
def changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    document = ls.document(params.text_document)
    for change in params.content_changes:
        if isinstance(change, types.TextDocumentContentChangePartial):
            span = ls.span(document, change.range)
            document.edit(span.start, span.end, encoded(change.text))
        else:
            document.replace(encoded(change.text))
    check(ls, ls.path(params.text_document.uri), SOON)


@feature(types.TEXT_DOCUMENT_DID_CLOSE)
def closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    path = ls.forget(params.text_document.uri)
    ls.world.closed(path)
    ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(params.text_document.uri, []))
