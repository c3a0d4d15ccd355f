"""graphql-query against a service that executes a schema, over HTTP, server-sent events and WebSockets."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import graphql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection, serve

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.network.event_streams import lines, parsed
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of
from tests.support.web import Request, Server, pages, talking

TOOLS = Tools.standard(Policy(allowed_hosts=("127.0.0.1",)))
SCHEMA = graphql.build_schema("""
    "A thing."
    type Thing { id: ID!, tags: [String!]! }
    type Query { thing(id: ID!): Thing, fails: String }
    type Mutation { rename(id: ID!, to: String = "x"): Thing! }
    type Subscription { count(to: Int!): Int! }
""")


async def _count(_root: Any, _info: Any, to: int) -> AsyncIterator[dict[str, int]]:
    for n in range(to):
        yield {"count": n}


def _fails(*_: Any) -> str:
    raise ValueError("it can't")


SCHEMA.query_type.fields["thing"].resolve = lambda _r, _i, id: {"id": id, "tags": ["a", "ü"]}  # type: ignore[union-attr]
SCHEMA.query_type.fields["fails"].resolve = _fails  # type: ignore[union-attr]
SCHEMA.mutation_type.fields["rename"].resolve = lambda _r, _i, id, to: {"id": id, "tags": [to]}  # type: ignore[union-attr]
SCHEMA.subscription_type.fields["count"].subscribe = _count  # type: ignore[union-attr]


def executed(asked: dict[str, Any]) -> dict[str, Any]:
    result = graphql.graphql_sync(
        SCHEMA, asked["query"], variable_values=asked.get("variables"), operation_name=asked.get("operationName")
    )  # fmt: skip
    return result.formatted  # type: ignore[return-value]


def subscribed(asked: dict[str, Any]) -> list[dict[str, Any]]:
    async def collect() -> list[dict[str, Any]]:
        source: Any = graphql.subscribe(SCHEMA, graphql.parse(asked["query"]), variable_values=asked.get("variables"))
        source = await source if inspect.isawaitable(source) else source  # it depends on the version
        if isinstance(source, graphql.ExecutionResult):
            return [source.formatted]  # type: ignore[list-item]
        return [one.formatted async for one in source]

    return asyncio.run(collect())


def over_http(request: Request) -> None:
    asked = json.loads(request.body or "{}")
    if not asked:
        request.answer("a query is needed", 400)
        return
    if "text/event-stream" not in request.headers["Accept"]:
        request.answer(json.dumps(executed(asked)), kind="application/graphql-response+json")
        return
    text = ":hello\n\n" + "".join(f"event: next\ndata: {json.dumps(one)}\n\n" for one in subscribed(asked))
    request.answer(text + "event: complete\ndata:\n\n", kind="text/event-stream; charset=utf-8")


@pytest.fixture
def service() -> Iterator[Server]:
    with pages({"/graphql": over_http}) as server:
        yield server


def ask(endpoint: str, **parameters: Any) -> dict[str, Any]:
    result: dict[str, Any] = TOOLS.call("graphql-query", {"endpoint": endpoint, **parameters})["result"]
    return result


def refused(endpoint: str, **parameters: Any) -> ToolError:
    return error_of(lambda: ask(endpoint, **parameters))


def test_a_query_with_variables(service: Server) -> None:
    url = service.url("/graphql")
    given_ = ask(
        url, input="query($id: ID!) { thing(id: $id) { id tags } }", variables={"id": "7"}, headers={"X-Key": "k"}
    )
    assert given_ == {"data": {"thing": {"id": "7", "tags": ["a", "ü"]}}}
    assert service.asked[0].headers["X-Key"] == "k"
    assert ask(url, query='{ thing(id: "1") { id } }')["data"]["thing"]["id"] == "1"


def test_one_operation_of_several_and_mutations(service: Server) -> None:
    url = service.url("/graphql")
    document = 'query A { thing(id: "1") { id } } mutation B { rename(id: "2", to: "new") { tags } }'
    assert ask(url, input=document, operation="mutation", operation_name="B")["data"] == {"rename": {"tags": ["new"]}}
    assert "operation" in str(refused(url, input=document)).lower()


def test_errors_of_the_service(service: Server) -> None:
    url = service.url("/graphql")
    error = refused(url, input="{ nothing }")
    assert "Cannot query field 'nothing'" in str(error)
    assert (error.details or {})["errors"][0]["locations"] == [{"line": 1, "column": 3}]
    partly = ask(url, input='{ fails thing(id: "1") { id } }')
    assert partly["data"] == {"fails": None, "thing": {"id": "1"}}
    assert partly["errors"][0]["message"] == "it can't"


def test_introspection_gives_the_schema_and_shows_it(service: Server) -> None:
    answer = TOOLS.call("graphql-query", {"endpoint": service.url("/graphql"), "operation": "introspection"})
    assert {"Thing", "Query"} <= {one["name"] for one in answer["result"]["data"]["__schema"]["types"]}
    assert "type Thing {\n  id: ID!\n  tags: [String!]!\n}" in answer["text"]
    assert "rename(id: ID!, to: String): Thing!" in answer["text"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"null", b"[" * 100_000])
def test_what_is_not_graphql_is_said_so(body: bytes) -> None:
    with pages({"*": lambda r: r.answer(body, 502)}) as server:
        error = refused(server.url(), input="{ a }")
        assert "502" in str(error) and "not in GraphQL" in str(error)


def test_a_document_is_needed() -> None:
    assert refused("http://127.0.0.1:1/").code == "invalid_parameters"


# Subscriptions over events of the server -----------------------------------------------------------------

COUNT = "subscription($to: Int!) { count(to: $to) }"


def test_a_subscription_over_server_events(service: Server) -> None:
    given_ = ask(service.url("/graphql"), operation="subscription", input=COUNT, variables={"to": 3})
    assert given_ == {"events": [{"data": {"count": n}} for n in range(3)], "count": 3, "ended": "complete"}
    most = ask(service.url("/graphql"), operation="subscription", input=COUNT, variables={"to": 9}, max_events=2)
    assert (most["count"], most["ended"]) == (2, "max_events")
    assert "is not defined" in str(
        refused(service.url("/graphql"), operation="subscription", input="subscription { x }")
    )


def test_what_has_come_when_time_is_over_is_given() -> None:
    over = threading.Event()

    def page(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        request.wfile.write(b'event: next\r\ndata: {"data": 1}\r\n\r\n')
        over.wait(20)

    with pages({"*": page}) as server:
        given_ = ask(server.url(), operation="subscription", input=COUNT, timeout=0.3)
        assert given_ == {"events": [{"data": 1}], "count": 1, "ended": "timeout"}
        over.set()


def test_no_events_there(service: Server) -> None:
    with pages({"*": b"<html>"}) as server:
        assert "not with events" in str(refused(server.url(), operation="subscription", input=COUNT))


@given(st.text(alphabet="ab:\r\n ü", max_size=60), st.lists(st.integers(1, 9), max_size=12))
def test_events_are_the_same_however_the_bytes_come(text: str, sizes: list[int]) -> None:
    data = text.encode()
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    pieces.append(data[at:])
    assert list(lines(pieces)) == list(lines([data]))
    assert list(parsed(lines(pieces))) == list(parsed(lines([data])))


# Subscriptions over WebSockets ---------------------------------------------------------------------------


def over_websocket(connection: ServerConnection) -> None:
    """What both protocols want of a server."""
    modern = connection.subprotocol == "graphql-transport-ws"
    begun = json.loads(connection.recv())
    assert begun["type"] == "connection_init"
    if begun["payload"].get("Authorization") == "wrong":
        connection.send(json.dumps({"type": "connection_error", "payload": {"message": "who are you?"}}))
        return
    connection.send(json.dumps({"type": "ping"}))
    if modern:
        assert json.loads(connection.recv()) == {"type": "pong"}
    connection.send(json.dumps({"type": "connection_ack"}))
    asked = json.loads(connection.recv()) if modern else json.loads([connection.recv(), connection.recv()][1])
    assert asked["type"] == ("subscribe" if modern else "start")
    events = subscribed(asked["payload"])
    if events and "errors" in events[0]:
        connection.send(json.dumps({"id": asked["id"], "type": "error", "payload": events[0]["errors"]}))
        return
    for one in events:
        connection.send(json.dumps({"id": asked["id"], "type": "next" if modern else "data", "payload": one}))
    connection.send(json.dumps({"id": asked["id"], "type": "complete"}))


@contextmanager
def websocket(handler: Any, **how: Any) -> Iterator[str]:
    with serve(handler, "127.0.0.1", 0, close_timeout=0.1, **how) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/graphql"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("protocol", ["graphql-transport-ws", "graphql-ws"])
def test_a_subscription_over_a_websocket(protocol: str) -> None:
    with websocket(over_websocket, subprotocols=[protocol]) as url:
        given_ = ask(url, operation="subscription", input=COUNT, variables={"to": 3})
        assert given_ == {"events": [{"data": {"count": n}} for n in range(3)], "count": 3, "ended": "complete"}
        assert ask(url, operation="subscription", input=COUNT, variables={"to": 9}, max_events=1)["count"] == 1
        assert "is not defined" in str(refused(url, operation="subscription", input="subscription { x }"))
        error = refused(url, operation="subscription", input=COUNT, headers={"Authorization": "wrong"})
        assert "who are you?" in str(error)


def test_a_websocket_that_says_nothing_ends_in_time() -> None:
    over = threading.Event()
    with websocket(lambda _: over.wait(20), subprotocols=["graphql-ws"]) as url:
        assert refused(url, operation="subscription", input=COUNT, timeout=0.2).code == "timeout"
        over.set()
    with talking(lambda _: None) as line:
        url = f"ws://127.0.0.1:{line.port}/"
        assert refused(url, operation="subscription", input=COUNT, timeout=0.2).code == "timeout"
        assert line.gone.wait(10)


def test_a_websocket_that_says_too_much() -> None:
    with websocket(lambda c: c.send("x" * 100_000), subprotocols=["graphql-ws"]) as url:
        error = refused(url, operation="subscription", input=COUNT, max_bytes=10_000)
        assert "more than 10000 bytes" in str(error)


def test_a_websocket_to_where_nobody_may() -> None:
    for url in ("ws://10.0.0.1/", "wss://[::1]/", "ws://localhost:1/"):
        assert refused(url, operation="subscription", input=COUNT).code in ("not_allowed", "failed")
    assert refused("ws://169.254.169.254/", operation="subscription", input=COUNT).code == "not_allowed"


def test_no_websocket_there(service: Server) -> None:
    url = service.url("/graphql").replace("http:", "ws:")
    assert "no WebSocket" in str(refused(url, operation="subscription", input=COUNT))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_whatever_a_server_says_it_is_a_tool_error(data: bytes) -> None:
    def say(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n" + data)
        connection.close()

    with talking(say) as line:
        assert str(refused(f"ws://127.0.0.1:{line.port}/", operation="subscription", input=COUNT))


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_whatever_comes_as_a_frame_it_is_a_tool_error(data: bytes) -> None:
    def say(connection: ServerConnection) -> None:
        connection.recv()
        connection.socket.sendall(data)
        connection.socket.close()

    with websocket(say, subprotocols=["graphql-ws"]) as url:
        assert str(refused(url, operation="subscription", input=COUNT, timeout=2))
