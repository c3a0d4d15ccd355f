"""url-analyzer, service-checker, api-tester and webhook-caller against servers on loopback."""

from __future__ import annotations

import hashlib
import hmac
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of
from tests.support.web import Request, pages, talking, unused_port

TOOLS = Tools.standard(Policy(allowed_hosts=("127.0.0.1", "localhost")))


def call(tool: str, **parameters: Any) -> dict[str, Any]:
    result: dict[str, Any] = TOOLS.call(tool, parameters)["result"]
    return result


def refused(tool: str, **parameters: Any) -> ToolError:
    return error_of(lambda: TOOLS.call(tool, parameters))


# url-analyzer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("HTTP://Example.org", {"scheme": "http", "host": "example.org", "port": 80, "path": "/", "normalized": "http://example.org/"}),
        ("https://h:443/", {"port": 443, "origin": "https://h", "normalized": "https://h/"}),
        ("https://me:pw@h/", {"username": "me", "has_password": True, "normalized": "https://me@h/"}),
        ("https://bücher.example/", {"host": "xn--bcher-kva.example", "host_unicode": "bücher.example", "host_kind": "name"}),
        ("http://[::1]:8080/x", {"host": "::1", "port": 8080, "host_kind": "loopback", "origin": "http://[::1]:8080"}),
        ("http://8.8.8.8", {"host_kind": "public"}),
        ("mailto:ada@example.org", {"scheme": "mailto", "path": "ada@example.org", "host": "", "origin": None, "normalized": "mailto:ada@example.org"}),
        ("file:///etc/passwd", {"path": "/etc/passwd", "segments": ["etc", "passwd"], "normalized": "file:///etc/passwd"}),
        ("http://h/?a=%20b+c&a=2&e=&e2#f", {"params": {"a": [" b c", "2"], "e": "", "e2": ""}, "fragment": "f"}),
        ("http://h/%FF?x=%FF", {"segments": ["\udcff"], "params": {"x": "\udcff"}}),
        ("http://www.example.co.uk.", {"domain_labels": ["www", "example", "co", "uk"]}),
    ],
)  # fmt: skip
def test_an_address_has_parts(url: str, parts: dict[str, Any]) -> None:
    found = call("url-analyzer", input=url)
    assert {name: found[name] for name in parts} == parts


def test_parameters_as_they_are() -> None:
    assert call("url-analyzer", input="http://h/?a=%20b+c&d", decode_params=False)["params"] == {"a": "%20b+c", "d": ""}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "//h/x",
        "http://",
        "http://[::1",
        "http://h:port/",
        "http://h:99999/",
        "http://a b/",
        "http://\u2488/",
        "x" * 70000,
    ],
)
def test_what_is_no_address(url: str) -> None:
    assert refused("url-analyzer", input=url).code == "failed"


def test_what_a_server_says_of_an_address() -> None:
    with pages({"/old": lambda r: r.redirect("/new"), "/new": b"12345"}) as server:
        found = call("url-analyzer", input=server.url("/old"), fetch_metadata=True)["metadata"]
        assert (found["status"], found["url"], found["redirects"]) == (200, server.url("/new"), [server.url("/old")])
        assert (found["content_type"], found["content_length"]) == ("text/html; charset=utf-8", "5")
        assert {one.method for one in server.asked} == {"HEAD"}
    with pages({"/": lambda r: r.answer(b"", 405) if r.command == "HEAD" else r.answer(b"x")}) as server:
        assert call("url-analyzer", input=server.url(), fetch_metadata=True)["metadata"]["status"] == 200
    assert refused("url-analyzer", input="http://10.0.0.1/", fetch_metadata=True).code == "not_allowed"
    assert call("url-analyzer", input="http://10.0.0.1/")["host_kind"] == "private"


@given(st.text(max_size=50))
def test_whatever_is_taken_apart_gives_parts_or_an_error(text: str) -> None:
    try:
        assert call("url-analyzer", input=text)["scheme"]
    except ToolError as error:
        assert error.code == "failed"


# service-checker ---------------------------------------------------------------------------------------


def test_a_port_that_listens_and_one_that_does_not() -> None:
    with talking(lambda _: None) as line:
        found = call("service-checker", target=f"127.0.0.1:{line.port}", check_type="tcp")
        assert (found["available"], found["address"]) == (True, "127.0.0.1")
        assert found["latency_ms"] > 0
        assert call("service-checker", target="localhost", port=line.port)["available"] is True
        assert line.gone.wait(10)
    found = call("service-checker", target=f"127.0.0.1:{unused_port()}")
    assert (found["available"], found["reason"]) == (False, "connection")
    assert "connection refused" in found["error"]


def test_a_web_server_well_and_ill() -> None:
    with pages({"/": b"", "/ill": lambda r: r.answer(b"", 503)}) as server:
        for target in (server.url(), server.url("/missing")):
            assert call("service-checker", target=target, check_type="http")["available"] is True
        ill = call("service-checker", target=server.url("/ill"), check_type="http")
        assert (ill["available"], ill["status"]) == (False, 503)
        assert call("service-checker", target="127.0.0.1", port=server.port, check_type="http")["status"] == 200
        found = call("service-checker", target=f"127.0.0.1:{server.port}", check_type="https")
        assert (found["available"], found["reason"]) == (False, "tls")


def test_one_that_does_not_answer_in_time() -> None:
    with talking(lambda _: None) as line:
        found = call("service-checker", target=f"127.0.0.1:{line.port}", check_type="http", timeout_seconds=0.1)
        assert (found["available"], found["reason"]) == (False, "timeout")


def test_names() -> None:
    found = call("service-checker", target="localhost", check_type="dns")
    assert "127.0.0.1" in found["addresses"]
    assert call("service-checker", target="no-such-host.invalid", check_type="dns")["available"] is False


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"target": "10.0.0.1:1"}, "not_allowed"),
        ({"target": "http://169.254.169.254/", "check_type": "http"}, "not_allowed"),
        ({"target": "localhost"}, "invalid_parameters"),
        ({"target": "localhost:x"}, "invalid_parameters"),
        ({"target": "localhost:99999"}, "invalid_parameters"),
        ({"target": "a b", "port": 1}, "invalid_parameters"),
        ({"target": "x", "port": 1, "timeout_seconds": 31}, "invalid_parameters"),
        ({"target": "http://x/", "check_type": "https"}, "invalid_parameters"),
        ({"target": "", "check_type": "dns"}, "invalid_parameters"),
    ],
)
def test_what_can_not_be_checked(parameters: dict[str, Any], code: str) -> None:
    assert refused("service-checker", **parameters).code == code


def test_a_name_that_is_allowed_with_a_port_is_looked_up() -> None:
    tools = Tools.standard(Policy(allowed_hosts=("localhost:443",), only_allowed_hosts=True))
    assert tools.call("service-checker", {"target": "localhost", "check_type": "dns"})["result"]["available"] is True


def test_a_name_that_is_denied_is_not_looked_up() -> None:
    tools = Tools.standard(Policy(denied_hosts=("*.invalid",)))
    with pytest.raises(ToolError) as raised:
        tools.call("service-checker", {"target": "secret.invalid", "check_type": "dns"})
    assert raised.value.code == "not_allowed"


# api-tester --------------------------------------------------------------------------------------------


def api(request: Request) -> None:
    request.answer('{"user": {"name": "Ada", "langs": ["lua"]}}', 201, "application/json", X_Version="3")


def test_an_answer_is_measured_and_compared() -> None:
    with pages({"/api": api}) as server:
        expected = {
            "status": [200, 201], "max_ms": 60_000, "headers": {"X-Version": "3"}, "contains": "Ada",
            "json": {"user.name": "Ada", "length(user.langs)": 1},
        }  # fmt: skip
        found = call("api-tester", input=server.url("/api"), method="POST", body={"a": 1}, expected=expected)
        assert found["passed"] is True
        assert [one["check"] for one in found["checks"]] == [
            "status", "max_ms", "headers.X-Version", "contains", "json.user.name", "json.length(user.langs)",
        ]  # fmt: skip
        timing = found["timing_ms"]
        assert 0 < timing["connect"] <= timing["first_byte"] <= timing["total"]
        assert server.asked[0].body == b'{"a": 1}'


def test_what_is_not_as_expected_is_shown() -> None:
    with pages({"/api": api}) as server:
        expected = {
            "status": 200,
            "max_ms": 0,
            "headers": {"X-Version": "4"},
            "contains": "Grace",
            "json": {"user.age": 36},
        }
        answer = TOOLS.call("api-tester", {"input": server.url("/api"), "expected": expected})
        assert answer["result"]["passed"] is False
        assert [one["passed"] for one in answer["result"]["checks"]] == [False] * 5
        assert "0 of 5 checks passed" in answer["text"]
        assert "json.user.age: expected 36, got None" in answer["text"]
    with pages({"/": b"no json"}) as server:
        assert call("api-tester", input=server.url(), expected={"json": {"a": 1}})["passed"] is False
        assert call("api-tester", input=server.url())["passed"] is True


@pytest.mark.parametrize("expected", [{"code": 1}, {"json": 1}, {"headers": "x"}, {"max_ms": "1"}])
def test_what_can_not_be_expected(expected: dict[str, Any]) -> None:
    assert refused("api-tester", input="http://127.0.0.1:1/", expected=expected).code == "invalid_parameters"


def test_a_query_that_is_none() -> None:
    with pages({"/": api}) as server:
        assert refused("api-tester", input=server.url(), expected={"json": {"a[": 1}}).code == "invalid_parameters"


# webhook-caller ----------------------------------------------------------------------------------------


def test_a_webhook_is_called_until_it_has_heard() -> None:
    statuses = [503, 429, 200]

    def page(request: Request) -> None:
        request.answer(b"ok", statuses.pop(0), Retry_After="0")

    with pages({"/hook": page}) as server:
        found = call("webhook-caller", input=server.url("/hook"), payload={"n": 1}, headers={"X-A": "b"})
        assert found["delivered"] is True
        assert [one["status"] for one in found["attempts"]] == [503, 429, 200]
        assert len({one.headers["Idempotency-Key"] for one in server.asked}) == 1
        assert {(one.method, one.body, one.headers["Content-Type"]) for one in server.asked} == {
            ("POST", b'{"n": 1}', "application/json")
        }


def test_a_signature_that_the_receiver_can_check() -> None:
    with pages({"/hook": b""}) as server:
        call("webhook-caller", input=server.url("/hook"), payload={"ü": 1}, secret="s3cret")
        asked = server.asked[0]
        expected = hmac.new(b"s3cret", asked.body, hashlib.sha256).hexdigest()
        assert asked.headers["X-Signature-256"] == f"sha256={expected}"
        call("webhook-caller", input=server.url("/hook"), secret="s", signature_header="X-Hub", method="PUT")
        assert server.asked[1].headers["X-Hub"].startswith("sha256=")


def test_a_webhook_that_nobody_hears() -> None:
    with pages(
        {"/hook": lambda r: r.answer(b"gone", 410), "/later": lambda r: r.answer(b"", 503, Retry_After="7200")}
    ) as server:
        error = refused("webhook-caller", input=server.url("/hook"))
        assert "not delivered: 410 Gone after 1 try" in str(error)
        assert (error.details or {})["body"] == "gone"
        assert "after 1 try" in str(refused("webhook-caller", input=server.url("/later")))
    error = refused("webhook-caller", input=f"http://127.0.0.1:{unused_port()}/", max_retries=2, initial_delay=0.001)
    assert len((error.details or {})["attempts"]) == 3


def test_a_webhook_that_hangs_is_tried_once() -> None:
    over = threading.Event()
    with pages({"/": lambda _: over.wait(20)}) as server:
        assert refused("webhook-caller", input=server.url(), timeout=0.1).code == "timeout"
        assert len(server.asked) == 1
        over.set()


def test_a_webhook_inside_is_not_called() -> None:
    assert refused("webhook-caller", input="http://192.168.0.1/hook").code == "not_allowed"
    assert refused("webhook-caller", input="http://127.0.0.1/", max_retries=99).code == "invalid_parameters"
