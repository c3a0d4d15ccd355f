"""What Tool, JSON, Config and Agent of Lua programs ask of the host (api.lua). Lua thread.

One function goes to Lua: (command, …) → true and a value, or false and the fields of a ToolError.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from llmspell_kernel.config import SETTINGS
from llmspell_kernel.errors import ToolError, UserError
from llmspell_kernel.lua.values import NULL, text, to_lua, to_python

if TYPE_CHECKING:
    from llmspell_kernel.tools.models import Chat
    from llmspell_kernel.tools.registry import Tools

Answer = tuple[bool, Any]
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # as models that call tools take them


class Api:
    def __init__(self, lua: Any, make_tools: Callable[[], Tools], safe: bool = False) -> None:
        """``make_tools`` is called when the program first uses one: most start-ups need none.

        ``safe``: only safe tools may be called, unless the settings say which.
        """
        self._lua = lua
        self._safe = safe
        self._make_tools = make_tools
        self._made_tools: Tools | None = None
        self._chats: dict[int, Chat] = {}
        self._count = 0
        # The last error of a tool as texts; an exception itself would keep Lua objects of a coroutine
        # alive through its frames, and lupa may free those only while the coroutine lives.
        self.describe_error: Callable[[BaseException], tuple[str, str, str]] | None = None
        self.python_error: tuple[str, str, str] | None = None
        self._commands: dict[bytes, Callable[..., Any]] = {
            b"invoke": self._invoke, b"info": self._info, b"list": self._list, b"exists": self._exists,
            b"categories": self._categories, b"search": self._search, b"all": self._all, b"map": self._map,
            b"register": self._register, b"check": self._check, b"ran": self._ran, b"parse": self._parse,
            b"stringify": self._stringify, b"config": self._config, b"now": self._now, b"memory": self._memory,
            b"chat": self._chat, b"chat_next": self._chat_next, b"chat_end": self._chat_end,
        }  # fmt: skip

    @property
    def tools(self) -> Tools:
        if self._made_tools is None:
            self._made_tools = tools = self._make_tools()
            if self._safe and tools.settings["tools.level"] is None:
                tools.policy = tools.policy._replace(level="safe")
        return self._made_tools

    def interrupt(self, reason: str) -> None:
        """Any thread: a call that waits ends with an error."""
        if self._made_tools is not None:
            self._made_tools.interrupt(reason)
        for chat in list(self._chats.values()):
            chat.cancel(reason)

    def close(self) -> None:
        if self._made_tools is not None:
            self._made_tools.close()

    def call(self, command: bytes, *arguments: Any) -> Answer:
        try:
            return True, self._commands[command](*arguments)
        except UserError as error:
            return False, self._error(arguments[0] if arguments else b"", error)

    def _error(self, name: Any, error: UserError) -> Any:
        cause = error.__cause__
        fields = {
            "tool": getattr(error, "tool", "") or (text(name) if type(name) is bytes else str(name)),
            "message": str(error),
            "code": getattr(error, "code", "invalid_parameters"),
            "details": getattr(error, "details", None),
            "cause": None if cause is None else f"{type(cause).__name__}: {cause}",
        }
        if self.describe_error is not None:
            self.python_error = self.describe_error(cause or error)
        return to_lua(self._lua, fields)

    # Tools ----------------------------------------------------------------------------------------

    def _invoke(self, name: Any, params: Any = None, options: Any = None) -> Any:
        known = _name(name)
        answer = self.tools.call(known, _parameters(known, params), seconds=_seconds(options))
        return to_lua(self._lua, flattened(answer))

    def _info(self, name: Any) -> Any:
        return to_lua(self._lua, self.tools.info(_name(name)))

    def _list(self) -> Any:
        return to_lua(self._lua, self.tools.names())

    def _exists(self, name: Any) -> bool:
        return type(name) is bytes and self.tools.exists(text(name))

    def _categories(self) -> Any:
        return to_lua(self._lua, self.tools.categories())

    def _search(self, words: Any, most: Any = None) -> Any:
        if most is not None and (type(most) is not int or most < 0):
            raise UserError("Tool.search takes how many it gives at most as a whole number")
        found = self.tools.search(_name(words, "what Tool.search looks for"), 10 if most is None else most)
        return to_lua(self._lua, found)

    def _all(self, calls: Any, options: Any = None) -> Any:
        given = [(_name(one[1]), _parameters("Tool.all", one[2])) for one in calls.values()]
        return self._answers(self.tools.all(given, _concurrency(options), _seconds(options)))

    def _map(self, name: Any, parameters: Any, options: Any = None) -> Any:
        known = _name(name)
        given = [_parameters(known, one) for one in parameters.values()]
        return self._answers(self.tools.map(known, given, _concurrency(options), _seconds(options)))

    def _answers(self, answers: list[dict[str, Any]]) -> Any:
        return to_lua(self._lua, [flattened(one) for one in answers])

    # Lua functions as tools -------------------------------------------------------------------------

    def _register(self, name: Any, about: Any = None) -> Any:
        from llmspell_kernel.tools.foreign import foreign  # few programs make tools

        known = _name(name)
        if not NAME.fullmatch(known):
            raise ToolError(
                f"{known!r} can't be the name of a tool: letters, digits, - and _, at most 64",
                code="invalid_parameters",
            )
        told = {} if about is None else to_python(about)
        tool = self.tools.put(foreign(known, told if isinstance(told, dict) else {}))
        return tool.name.encode()

    def _check(self, name: Any, params: Any = None) -> Any:
        known = _name(name)
        return to_lua(self._lua, self.tools.get(known).checked(_parameters(known, params)))

    def _ran(self, name: bytes, ok: bool, seconds: float) -> None:
        counts = self.tools.get(text(name)).counts
        if ok:
            counts.succeeded(seconds)
        else:
            counts.failed(seconds, "failed")

    # Models --------------------------------------------------------------------------------------

    def _chat(self, asked: Any) -> int:
        try:
            from llmspell_kernel.tools.models import Chat  # an HTTP client
        except ModuleNotFoundError as error:
            raise ToolError(
                f"an agent with a model needs the Python module {error.name}; "
                "install it with: pip install 'llmspell[web]'",
                code="missing_extra",
            ) from error
        self._count += 1
        self._chats[self._count] = Chat(self.tools, to_python(asked))
        return self._count

    def _chat_next(self, number: int) -> Any:
        try:
            event = self._chats[number].next()
        except ToolError:
            del self._chats[number]
            raise
        if "message" in event:
            del self._chats[number]
        return to_lua(self._lua, event)

    def _chat_end(self, number: int) -> None:
        self._chats.pop(number).cancel("nobody listens any more")

    # JSON, settings, the process --------------------------------------------------------------------

    def _parse(self, source: bytes, options: Any = None) -> Any:
        from llmspell_kernel.lua.json_texts import parsed  # most programs write no JSON

        value = parsed(source)
        return to_lua(self._lua, _with_null(value) if _option(options, b"null") else value)

    def _stringify(self, value: Any, options: Any = None) -> bytes:
        from llmspell_kernel.lua.json_texts import written

        data = to_python(value)
        if data == {} and _option(options, b"empty") == b"array":
            data = []
        return written(data, _option(options, b"pretty"), bool(_option(options, b"sort_keys")))

    def _config(self) -> Any:
        found: dict[str, dict[str, Any]] = {}
        for key in SETTINGS:
            section, _, name = key.partition(".")
            found.setdefault(section, {})[name] = self.tools.settings[key]
        return to_lua(self._lua, found)

    def _now(self) -> float:
        return perf_counter() * 1000

    def _memory(self) -> Any:
        return to_lua(self._lua, {"rss": _resident()})


def _name(name: Any, what: str = "the name of a tool") -> str:
    if type(name) is not bytes:
        raise UserError(f"{what} must be a string")
    return text(name)


def _parameters(name: str, params: Any) -> dict[str, Any]:
    given = {} if params is None else to_python(params)
    if isinstance(given, list) and not given:
        return {}
    if not isinstance(given, dict):
        raise UserError(f"tool {name!r} takes a table of named parameters")
    return given


def _option(options: Any, name: bytes) -> Any:
    if options is None:
        return None
    if not hasattr(options, "items"):
        raise ToolError("options are a table", code="invalid_parameters")
    return options[name]


def _seconds(options: Any) -> float | None:
    wanted = _option(options, b"timeout_ms")
    if wanted is None:
        return None
    if not isinstance(wanted, int | float) or not wanted > 0:
        raise ToolError("timeout_ms must be a number above 0", code="invalid_parameters")
    return wanted / 1000


def _concurrency(options: Any) -> int:
    wanted = _option(options, b"concurrency")
    if wanted is None:
        return 8
    if not isinstance(wanted, int | float) or not wanted >= 1:
        raise ToolError("concurrency must be a number, at least 1", code="invalid_parameters")
    return int(wanted)


def _with_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_null(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_null(one) for one in value]
    return NULL if value is None else value


def _resident() -> int | None:
    """Bytes, where the system tells."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def flattened(result: dict[str, Any]) -> dict[str, Any]:
    """A tool's result as Lua programs see it: the fields of a table result come to the top.

    A field named ``text`` or ``success`` does not hide the real one; it is in ``result``.
    """
    inner = result.get("result")
    if not isinstance(inner, dict):
        return result
    return {**inner, **{name: value for name, value in result.items() if value is not None}}
