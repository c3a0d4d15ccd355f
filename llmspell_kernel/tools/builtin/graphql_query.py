"""graphql_query: queries, mutations, introspection and subscriptions of a GraphQL service. Any thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.http_requester import as_json
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.event_streams import events
from llmspell_kernel.tools.network.http import MAX_BYTES, Answer, fetch
from llmspell_kernel.tools.network.websockets import Channel, opened
from llmspell_kernel.tools.spec import Example, Result, tool

if TYPE_CHECKING:
    from llmspell_kernel.tools.stage import Stage

Operation = Literal["query", "mutation", "subscription", "introspection"]
ACCEPT = "application/graphql-response+json, application/json"
MAX_EVENTS = 10_000
# What a service says of its types: enough to write queries, and small.
INTROSPECTION = """query IntrospectionQuery { __schema {
  queryType { name } mutationType { name } subscriptionType { name }
  types { kind name description
    fields(includeDeprecated: true) { name description isDeprecated deprecationReason type { ...Ref }
      args { name description defaultValue type { ...Ref } } }
    inputFields { name description defaultValue type { ...Ref } }
    interfaces { ...Ref } possibleTypes { ...Ref }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } }
  directives { name description locations args { name description defaultValue type { ...Ref } } } } }
fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name } } } } } }"""
# The words of the two protocols that are spoken over WebSockets: how to begin, and an event.
WORDS = {"graphql-transport-ws": ("subscribe", "next"), "graphql-ws": ("start", "data")}


def _service(stage: Stage) -> None:
    """A service with one field, for the examples."""
    stage.pages["/graphql"] = lambda asked: {"data": {"hello": (json.loads(asked).get("variables") or {}).get("name")}}
    stage.pages["/refuses"] = lambda asked: {"errors": [{"message": "no such field"}]}


@tool(
    category="api",
    level="privileged",
    aliases={"query": "input", "url": "endpoint"},
    prepare=_service,
    examples=[
        Example(
            "Ask with a variable",
            {
                "endpoint": "{http}/graphql",
                "input": "query($name: String) { hello(name: $name) }",
                "variables": {"name": "Ada"},
            },
            text='{"hello": "Ada"}',
            result={"data": {"hello": "Ada"}},
        ),
        Example("Errors of the service", {"endpoint": "{http}/refuses", "input": "{ nothing }"}, error="failed"),
    ],
)
def graphql_query(
    call: Call,
    endpoint: str,
    operation: Operation = "query",
    input: str | None = None,
    variables: dict[str, Any] | None = None,
    operation_name: str | None = None,
    headers: dict[str, str] | None = None,
    max_events: int = 10,
    timeout: float = 30,
    max_bytes: int = MAX_BYTES,
) -> Result:
    """Ask a GraphQL service.

    Args:
        endpoint: Its address: http:// or https://, for subscriptions (as events of the server) as well; or ws:// or
            wss:// for subscriptions over WebSockets.
        operation: What is asked.
        input: The GraphQL document; introspection has its own.
        variables: Values of its variables.
        operation_name: Which of several operations in the document.
        headers: Headers to send; for WebSockets also the payload of connection_init.
        max_events: After how many events a subscription is ended.
        timeout: Seconds that it may take. A subscription that had events by then gives those.
        max_bytes: How long an answer, or all events together, may be.
    """
    if operation == "introspection":
        input, operation_name = input or INTROSPECTION, None
    if not input:
        raise ToolError(f"{operation} needs `input`, a GraphQL document", code="invalid_parameters")
    asked: dict[str, Any] = {"query": input, "variables": variables or {}}
    if operation_name:
        asked["operationName"] = operation_name
    if operation == "subscription":
        return _subscribed(call, endpoint, asked, headers or {}, max_events, timeout, max_bytes)
    sent = {"Content-Type": "application/json", "Accept": ACCEPT, **(headers or {})}
    answer = fetch(
        call, "POST", endpoint, headers=sent, body=as_json(asked), seconds=timeout, max_bytes=max_bytes
    )  # fmt: skip
    return _result(_response(answer), operation)


def _response(answer: Answer) -> dict[str, Any]:
    """What the service says. Raises ToolError: that is not GraphQL."""
    try:
        response = json.loads(answer.body)
    except (ValueError, RecursionError):
        response = None
    if isinstance(response, dict) and ("data" in response or "errors" in response):
        return response
    start = answer.text()[:200]
    raise ToolError(
        f"{answer.url} answers {answer.status} {answer.reason}, and not in GraphQL: {start!r}",
        details={"status": answer.status, "body": start},
    )


def _result(response: dict[str, Any], operation: str) -> Result:
    data = response.get("data")
    value = {name: response[name] for name in ("data", "errors", "extensions") if response.get(name) is not None}
    if data is None and response.get("errors"):
        raise _refused(response["errors"])
    if operation == "introspection" and isinstance(data, dict) and isinstance(data.get("__schema"), dict):
        return Result(value, "\n".join(_outline(data["__schema"])))
    return Result(value, json.dumps(data, ensure_ascii=False))


def _refused(errors: Any) -> ToolError:
    listed = errors if isinstance(errors, list) else [errors]
    texts = [str(one.get("message", one)) if isinstance(one, dict) else str(one) for one in listed]
    return ToolError(f"the service refuses: {'; '.join(texts)[:2000]}", details={"errors": listed})


def _outline(schema: Mapping[str, Any]) -> Iterator[str]:
    """The types that people ask for, in the language of schemas."""
    for kind in schema.get("types") or []:
        name = str(kind.get("name", ""))
        if kind.get("fields") and not name.startswith("__"):
            yield f"type {name} {{"
            yield from (f"  {_field(one)}" for one in kind["fields"])
            yield "}"


def _field(field: Mapping[str, Any]) -> str:
    arguments = ", ".join(f"{one['name']}: {_reference(one['type'])}" for one in field.get("args") or [])
    return f"{field['name']}{f'({arguments})' if arguments else ''}: {_reference(field['type'])}"


def _reference(kind: Mapping[str, Any] | None) -> str:
    if not kind:
        return "?"
    inner = {"NON_NULL": "{}!", "LIST": "[{}]"}.get(str(kind.get("kind")))
    return inner.format(_reference(kind.get("ofType"))) if inner else str(kind.get("name"))


# Subscriptions ------------------------------------------------------------------------------------------


def _subscribed(
    call: Call, endpoint: str, asked: dict[str, Any], headers: dict[str, str], most: int, seconds: float, max_bytes: int
) -> Result:
    if not 0 < most <= MAX_EVENTS:
        raise ToolError(f"max_events is a number from 1 to {MAX_EVENTS}", code="invalid_parameters")
    over_websocket = endpoint.strip().lower().startswith(("ws://", "wss://"))
    source = (
        _from_websocket(call, endpoint, asked, headers, seconds, max_bytes)
        if over_websocket
        else _from_server_events(call, endpoint, asked, headers, seconds, max_bytes)
    )
    found: list[Any] = []
    ended = "max_events"
    try:
        for event in islice(source, most):
            found.append(event)
            call.progress(len(found) / most, f"{len(found)} events")
        if len(found) < most:
            ended = "complete"
    except ToolError as error:
        if error.code != "timeout" or not found:
            raise
        ended = "timeout"
    finally:
        source.close()  # type: ignore[attr-defined]  # generators
    return Result({"events": found, "count": len(found), "ended": ended}, "\n".join(map(as_json, found)))


def _from_server_events(
    call: Call, endpoint: str, asked: dict[str, Any], headers: dict[str, str], seconds: float, max_bytes: int
) -> Iterator[Any]:
    """GraphQL over SSE, in distinct connections."""
    sent = {"Content-Type": "application/json", "Accept": "text/event-stream", **headers}
    source = events(
        call, "POST", endpoint, headers=sent, body=as_json(asked), seconds=seconds, max_bytes=max_bytes
    )  # fmt: skip
    for event in source:
        if event.kind == "complete":
            return
        if event.kind in ("next", "message"):
            yield _event(_read(event.data))


def _event(payload: Any) -> Any:
    if isinstance(payload, dict) and payload.get("errors") and payload.get("data") is None:
        raise _refused(payload["errors"])
    return payload


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"the service sends what is not JSON: {text[:200]!r}") from error


def _from_websocket(
    call: Call, endpoint: str, asked: dict[str, Any], headers: dict[str, str], seconds: float, max_bytes: int
) -> Iterator[Any]:
    """graphql-transport-ws, or its predecessor graphql-ws where the service knows only that."""
    with opened(call, endpoint, headers, list(WORDS), seconds, max_bytes) as channel:
        begin, event = WORDS.get(channel.protocol, WORDS["graphql-transport-ws"])
        channel.send(as_json({"type": "connection_init", "payload": headers}))
        _acknowledged(channel)
        channel.send(as_json({"id": "1", "type": begin, "payload": asked}))
        for message in _messages(channel):
            kind, payload = message.get("type"), message.get("payload")
            if kind == event:
                yield _event(payload)
            elif kind in ("error", "connection_error"):
                raise _refused(payload)
            elif kind == "complete":
                return
            elif kind == "ping":
                channel.send(as_json({"type": "pong"}))
        raise ToolError(f"the service ended the connection: {channel.reason}")


def _acknowledged(channel: Channel) -> None:
    for message in _messages(channel):
        if message.get("type") == "connection_ack":
            return
        if message.get("type") == "connection_error":
            raise _refused(message.get("payload"))
        if message.get("type") == "ping":
            channel.send(as_json({"type": "pong"}))
    raise ToolError(f"the service does not take the connection: {channel.reason}")


def _messages(channel: Channel) -> Iterator[dict[str, Any]]:
    for text in channel:
        message = _read(text)
        if not isinstance(message, dict):
            raise ToolError(f"the service sends what is no message of GraphQL: {text[:200]!r}")
        yield message
