"""Models behind an OpenAI-compatible address: one request, its answer whole or piece by piece.

    chat = Chat(tools, {"model": "…", "messages": […]})
    while "message" not in (event := chat.next()): ...

The request runs on a thread of its own, so that who waits for it can be interrupted. A server that is busy (429, 5xx)
is asked again, when it says so. Each connection goes through the policy, as those of tools do.
Source: OpenAI's API reference, "Chat Completions". Any thread.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from queue import SimpleQueue
from threading import Thread
from typing import Any

import httpx

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import Network
from llmspell_kernel.tools.network.http import client, explained
from llmspell_kernel.tools.network.retries import PASSING, retry_after
from llmspell_kernel.tools.registry import Tools

PROVIDERS = {  # name → address, and the variable that holds its key
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": ("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "ollama": ("http://localhost:11434/v1", ""),
}
Event = dict[str, Any]
AGAIN = 2  # times, if the server is busy
MAX_ERROR = 500  # characters of what a server says went wrong


class Chat:
    def __init__(self, tools: Tools, asked: Mapping[str, Any]) -> None:
        """``asked``: model, messages; provider, base_url, api_key, temperature, max_tokens, tools (names), stream,
        seconds, custom (more fields of the request). Raises ToolError."""
        self._url, headers = _address(asked)
        self._headers = {**headers, "Content-Type": "application/json"}
        self._body = json.dumps(_body(tools, asked)).encode("utf-8", "surrogateescape")
        self._call = Call(tools.policy, seconds=asked.get("seconds"))
        self._events: SimpleQueue[Event | ToolError] = SimpleQueue()
        Thread(target=self._run, args=(bool(asked.get("stream")),), name="llmspell-model", daemon=True).start()

    def next(self) -> Event:
        """``{"delta": text}``, and at the end ``{"message": …, "usage": …, "finish_reason": …}``. Raises ToolError."""
        event = self._events.get()
        if isinstance(event, ToolError):
            raise event
        return event

    def cancel(self, reason: str) -> None:
        """Any thread: who waits gets an error."""
        self._events.put(ToolError(reason, code="cancelled"))
        self._call.cancel()

    def _run(self, stream: bool) -> None:
        try:
            for event in self._asked(stream):
                self._events.put(event)
        except ToolError as error:
            self._events.put(error)
        except Exception as error:
            self._events.put(ToolError(f"the model's answer can't be read: {type(error).__name__}: {error}"))

    def _asked(self, stream: bool) -> Iterator[Event]:
        for attempt in range(AGAIN + 1):
            with (
                client(self._call, redirects=0) as web,
                explained(self._url),
                web.stream("POST", self._url, headers=self._headers, content=self._body) as answer,
            ):
                if answer.status_code == 200:
                    yield from _events(answer, stream)
                    return
                pause = _pause(answer, attempt)
                if pause is None or pause >= self._call.seconds():
                    raise _refused(self._url, answer)
            Network(self._call).wait(pause)


def _pause(answer: httpx.Response, attempt: int) -> float | None:
    """Seconds until the server is asked again; None: it is not."""
    if attempt == AGAIN or answer.status_code not in PASSING:
        return None
    asked = retry_after(answer.headers)
    return 0.5 * 2.0**attempt if asked is None else max(asked, 0)


def _events(answer: httpx.Response, stream: bool) -> Iterator[Event]:
    if stream and "event-stream" in answer.headers.get("content-type", ""):
        yield from _streamed(_data(answer.iter_lines()))
    else:
        yield _whole(_read(answer.read()))


def _address(asked: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    provider = asked.get("provider") or "openai"
    base, variable = PROVIDERS.get(provider, ("", "LLMSPELL_API_KEY"))
    base = asked.get("base_url") or base
    if not base:
        raise ToolError(
            f"no provider named {provider!r}; there are {', '.join(PROVIDERS)}, or give :base_url(ADDRESS)",
            code="invalid_parameters",
        )
    key = asked.get("api_key") or os.environ.get("LLMSPELL_API_KEY") or os.environ.get(variable or "-")
    if not key and variable and not asked.get("base_url"):
        raise ToolError(f"{provider} needs a key: set {variable}, or :api_key(KEY)", code="invalid_parameters")
    return base.rstrip("/") + "/chat/completions", {"Authorization": f"Bearer {key}"} if key else {}


def _body(tools: Tools, asked: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"model": asked["model"], "messages": [_message(one) for one in asked["messages"]]}
    for name in ("temperature", "max_tokens"):
        if asked.get(name) is not None:
            body[name] = asked[name]
    names = asked.get("tools") or []
    if names:
        body["tools"] = [function_of(tools.info(name)) for name in names]
    if asked.get("stream"):
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return {**body, **(asked.get("custom") or {})}


def _message(given: Mapping[str, Any]) -> dict[str, Any]:
    """As Lua has kept it: a null is absent there."""
    return {"content": None, **given} if given.get("tool_calls") else dict(given)


def function_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as a model is told of it: without the other names of its parameters."""
    schema = told["schema"]
    aliases = told.get("parameter_aliases", {})
    properties = {name: one for name, one in schema["properties"].items() if name not in aliases}
    needed = set(schema.get("required", ()))
    for choice in schema.get("allOf", ()):
        needed.add(choice["anyOf"][0]["required"][0])
    parameters = {"type": "object", "properties": properties, "required": [n for n in properties if n in needed]}
    return {
        "type": "function",
        "function": {"name": told["name"], "description": told["description"], "parameters": parameters},
    }


# Answers -------------------------------------------------------------------------------------------------


def _refused(url: str, answer: httpx.Response) -> ToolError:
    text = answer.read().decode("utf-8", "replace")
    try:
        said = json.loads(text)["error"]
        text = said["message"] if isinstance(said, dict) else str(said)
    except (ValueError, KeyError, TypeError):
        pass
    return ToolError(
        f"{url} answered {answer.status_code} {answer.reason_phrase}: {text[:MAX_ERROR]}",
        code="model_error", details={"status": answer.status_code},
    )  # fmt: skip


def _read(data: bytes | str) -> dict[str, Any]:
    try:
        read = json.loads(data)
    except ValueError as error:
        start = data[:60].decode("utf-8", "replace") if isinstance(data, bytes) else data[:60]
        raise ToolError(
            f"the model's answer can't be read: it is not JSON, it begins with {start!r}; is the base_url right?",
            code="model_error",
        ) from error
    if isinstance(read, dict) and "error" in read and not read.get("choices"):
        said = read["error"]
        raise ToolError(str(said.get("message", said) if isinstance(said, dict) else said), code="model_error")
    if not isinstance(read, dict):
        raise ToolError("the model's answer is not an object", code="model_error")
    return read


def _whole(read: Mapping[str, Any]) -> Event:
    if not read.get("choices"):
        raise ToolError("the model's answer has no choices", code="model_error")
    choice = read["choices"][0]
    return {
        "message": _plain_message(choice["message"]), "usage": read.get("usage"), "model": read.get("model"),
        "finish_reason": choice.get("finish_reason"),
    }  # fmt: skip


def _plain_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """As OpenAI writes it; others write contents in parts, and arguments as tables or not at all."""
    kept: dict[str, Any] = {"role": "assistant", "content": _text(message.get("content"))}
    calls = message.get("tool_calls")
    if calls:
        kept["tool_calls"] = [_plain_call(n, one) for n, one in enumerate(calls, 1)]
    return kept


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _plain_call(n: int, call: Any) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ToolError("the model asks for a tool without saying which", code="model_error")
    given = function.get("arguments")
    arguments = given if isinstance(given, str) else "" if given is None else json.dumps(given)
    return {
        "id": str(call.get("id") or f"call_{n}"), "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }  # fmt: skip


def _data(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream. Source: HTML standard, "Server-sent events"."""
    for line in lines:
        field, _, value = line.partition(":")
        if field == "data":
            if value.strip() == "[DONE]":
                yield {"done": True}
                return
            yield _read(value)


def _streamed(pieces: Iterator[dict[str, Any]]) -> Iterator[Event]:
    texts: list[str] = []
    calls: dict[int, dict[str, Any]] = {}
    end: Event = {}
    done = False
    for piece in pieces:
        done = done or "done" in piece
        end |= {name: piece[name] for name in ("usage", "model") if piece.get(name)}
        for choice in piece.get("choices") or ():
            delta = choice.get("delta") or {}
            if choice.get("finish_reason"):
                end["finish_reason"] = choice["finish_reason"]
            if delta.get("content"):
                texts.append(delta["content"])
                yield {"delta": delta["content"]}
            for part in delta.get("tool_calls") or ():
                _join(calls.setdefault(_place(part, calls), _empty_call()), part)
    if not done and not end.get("finish_reason"):
        raise ToolError("the model's answer broke off", code="model_error")
    message = {"content": "".join(texts), "tool_calls": [calls[n] for n in sorted(calls)]}
    yield {**end, "message": _plain_message(message)}


def _place(part: Mapping[str, Any], calls: Mapping[int, Any]) -> int:
    """Some servers don't number calls: they give each whole."""
    number = part.get("index")
    return number if isinstance(number, int) else len(calls)


def _empty_call() -> dict[str, Any]:
    return {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}


def _join(call: dict[str, Any], part: Mapping[str, Any]) -> None:
    call["id"] = part.get("id") or call["id"]
    function = part.get("function") or {}
    call["function"]["name"] += function.get("name") or ""
    call["function"]["arguments"] += function.get("arguments") or ""
