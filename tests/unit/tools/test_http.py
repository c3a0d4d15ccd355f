"""http-requester against a server on loopback."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of
from tests.support.web import Request, pages, unused_port

TOOLS = Tools.standard(Policy(allowed_hosts=("127.0.0.1",)))
SOON = {"max_retries": 3, "initial_delay": 0.001}


def ask(url: str, **parameters: Any) -> dict[str, Any]:
    result: dict[str, Any] = TOOLS.call("http-requester", {"input": url, **parameters})["result"]
    return result


def refused(url: str, **parameters: Any) -> ToolError:
    return error_of(lambda: ask(url, **parameters))


def in_turn(*statuses: int, **headers: str) -> Any:
    left = list(statuses)

    def page(request: Request) -> None:
        request.answer(b"x", left.pop(0) if len(left) > 1 else left[0], **headers)

    return page


def test_what_is_asked_and_what_is_answered() -> None:
    def page(request: Request) -> None:
        request.answer('{"a": [1]}', 201, "application/problem+json", X_Of="it", Set_Cookie="c=d")

    with pages({"/p": page}) as server:
        given = ask(
            server.url("/p?a=1"), query={"b": [2, "ü"], "c": True}, headers={"X-Mine": "ä"}, method="PUT", body="raw"
        )
        assert (given["status"], given["reason"], given["ok"]) == (201, "Created", True)
        assert given["json"] == {"a": [1]}
        assert given["headers"]["x-of"] == "it"
        assert given["url"] == server.url("/p?a=1&b=2&b=%C3%BC&c=true")
        asked = server.asked[0]
        assert (asked.method, asked.body) == ("PUT", b"raw")
        assert asked.headers["X-Mine"].encode("latin-1").decode() == "ä"
        assert asked.headers["User-Agent"].startswith("llmspell/")


def test_bodies() -> None:
    with pages({"/": b""}) as server:
        ask(server.url(), method="POST", body={"n": [1, "ü"]})
        ask(server.url(), method="POST", form={"a": "b c", "n": 1})
        ask(server.url(), method="POST", body=[1], headers={"content-type": "application/x-own"})
        ask(server.url(), method="POST", body="\udcff\x00")
        kinds = [one.headers.get("Content-Type") or one.headers.get("content-type") for one in server.asked]
        assert kinds == ["application/json", "application/x-www-form-urlencoded", "application/x-own", None]
        assert [one.body for one in server.asked] == ['{"n": [1, "ü"]}'.encode(), b"a=b+c&n=1", b"[1]", b"\xff\x00"]
    assert "either body or form" in str(refused(server.url(), body="x", form={}))
    assert "JSON" in str(refused(server.url(), body=[float("nan")]))


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        ({"type": "basic", "username": "ada", "password": "ü:x"}, "Authorization", "Basic YWRhOsO8Ong="),
        ({"username": "ada", "password": "x"}, "Authorization", "Basic YWRhOng="),
        ({"type": "bearer", "token": "t"}, "Authorization", "Bearer t"),
        ({"type": "api_key", "key": "k"}, "X-API-Key", "k"),
        ({"type": "api-key", "key": "k", "header": "X-Other"}, "X-Other", "k"),
        ({"type": "none"}, "Authorization", None),
    ],
)
def test_who_asks(auth: dict[str, str], name: str, value: str | None) -> None:
    with pages({"/": b""}) as server:
        ask(server.url(), auth=auth)
        assert server.asked[0].headers.get(name) == value


@pytest.mark.parametrize(
    "auth", [{"type": "digest"}, {"type": "basic", "username": "x"}, {"type": "bearer"}, {"x": "y"}, {"token": "a\nb"}]
)
def test_who_can_not_ask(auth: dict[str, str]) -> None:
    assert refused("http://127.0.0.1:1/", auth=auth).code == "invalid_parameters"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_asked_again(status: int) -> None:
    with pages({"/": in_turn(status, status, 200)}) as server:
        given = ask(server.url(), retry=SOON)
        assert (given["status"], given["attempts"]) == (200, 3)


def test_in_the_end_the_answer_is_what_it_is() -> None:
    with pages({"/": in_turn(503)}) as server:
        given = ask(server.url(), retry=SOON)
        assert (given["status"], given["ok"], given["attempts"]) == (503, False, 4)
        assert ask(server.url(), retry=0)["attempts"] == 1
        assert ask(server.url(), retry=False)["attempts"] == 1


@pytest.mark.parametrize("status", [200, 400, 404, 501])
def test_what_does_not_pass_is_asked_once(status: int) -> None:
    with pages({"/": in_turn(status)}) as server:
        assert ask(server.url(), retry=SOON)["attempts"] == 1


def test_what_may_have_been_done_is_not_asked_again_unless_told() -> None:
    with pages({"/": in_turn(500)}) as server:
        assert ask(server.url(), method="POST")["attempts"] == 1
        assert ask(server.url(), method="POST", retry=SOON)["attempts"] == 4


def test_a_server_that_says_when_is_believed() -> None:
    with pages({"/": in_turn(429, 200, Retry_After="0")}) as server:
        assert ask(server.url(), method="POST")["attempts"] == 2  # at once, not after a second
    with pages({"/": in_turn(429, 200, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")}) as server:
        assert ask(server.url())["attempts"] == 2
    with pages({"/": in_turn(429, 200, Retry_After="3600")}) as server:
        assert ask(server.url())["attempts"] == 1  # too late for us


def test_when_the_call_ends_before_the_next_try_the_answer_is_given() -> None:
    with pages({"/": in_turn(503)}) as server:
        answer = TOOLS.call("http-requester", {"input": server.url(), "retry": {"initial_delay": 20}}, seconds=5)
        assert (answer["result"]["status"], answer["result"]["attempts"]) == (503, 1)


def test_a_connection_that_fails_is_tried_again_and_told() -> None:
    error = refused(f"http://127.0.0.1:{unused_port()}/", retry={"max_retries": 2, "initial_delay": 0.001})
    assert "connection refused" in str(error)
    assert len((error.details or {})["attempts"]) == 3


@pytest.mark.parametrize(("number", "tries"), [(socket.EAI_NONAME, 1), (socket.EAI_AGAIN, 3)])
def test_a_name_that_is_none_is_looked_up_once(monkeypatch: pytest.MonkeyPatch, number: int, tries: int) -> None:
    def lookup(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    error = refused("http://misspelt.example/", retry={"max_retries": 2, "initial_delay": 0.001})
    assert "can't look up misspelt.example" in str(error)
    assert len((error.details or {})["attempts"]) == tries


def test_what_is_not_allowed_is_asked_once() -> None:
    error = refused("http://10.0.0.1/", retry=SOON)
    assert error.code == "not_allowed"
    assert len((error.details or {})["attempts"]) == 1


@pytest.mark.parametrize("retry", [{"times": 3}, {"max_retries": "3"}, {"initial_delay": -1}, {"factor": True}])
def test_how_not_to_ask_again(retry: dict[str, Any]) -> None:
    assert refused("http://127.0.0.1:1/", retry=retry).code == "invalid_parameters"


def test_heads_have_no_body() -> None:
    with pages({"/": b"body"}) as server:
        given = ask(server.url(), method="HEAD")
        assert (given["body"], given["headers"]["content-length"]) == ("", "4")


def test_one_try_has_its_limit() -> None:
    import threading

    over = threading.Event()
    with pages({"/": lambda _: over.wait(20)}) as server:
        error = refused(server.url(), timeout=0.1, retry=0)
        assert error.code == "timeout"
        assert "longer than 0.1 s" in str(error)
        over.set()


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_no_time_at_all(seconds: float) -> None:
    assert refused("http://127.0.0.1:1/", timeout=seconds).code == "invalid_parameters"


@pytest.mark.parametrize("headers", [{"Content-Length": "99"}, {"Content-Length": "1"}, {"Transfer-Encoding": "x"}])
def test_headers_that_could_disagree_with_the_body(headers: dict[str, str]) -> None:
    with pages({"/": b""}) as server:
        error = refused(server.url(), method="PUT", body="four", headers=headers, timeout=1, retry=0)
        assert error.code == "invalid_parameters"
