"""email-sender, to an SMTP server (aiosmtpd) and to services on loopback."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from hypothesis import given
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.network.signing import Credentials, signed
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of
from tests.support.web import drip, pages, talking, unused_port

LETTER = {"to": "Ada <ada@example.org>", "subject": "Grüße", "body": "Hallo ä\n.\nEnde"}
ME = {"from": "Me <me@example.org>"}


class Inbox:
    """Keeps what it is sent; refuses whom it does not know."""

    def __init__(self) -> None:
        self.letters: list[Envelope] = []

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        self.letters.append(envelope)
        return "250 kept"

    def message(self) -> EmailMessage:
        content = self.letters[-1].content
        assert isinstance(content, bytes)
        content = content.replace(b"\r\n", b"\n")
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@contextmanager
def smtp(**how: Any) -> Iterator[tuple[Inbox, int]]:
    inbox = Inbox()
    controller = Controller(inbox, "127.0.0.1", unused_port(), **how)
    controller.start()
    try:
        yield inbox, controller.port
    finally:
        controller.stop()


def tools(folder: Path | str = "/nowhere", **settings: str) -> Tools:
    policy = Policy((str(folder),), allowed_hosts=("127.0.0.1",))
    return Tools.standard(policy, Config({"tools.email-sender": {**ME, **settings}}))


def plain(port: int) -> Tools:
    return tools(host="127.0.0.1", port=str(port), security="none")


def send(tools_: Tools, **parameters: Any) -> dict[str, Any]:
    result: dict[str, Any] = tools_.call("email-sender", {**LETTER, **parameters})["result"]
    return result


def refused(tools_: Tools, **parameters: Any) -> ToolError:
    return error_of(lambda: send(tools_, **parameters))


# SMTP -------------------------------------------------------------------------------------------------


def test_a_letter_arrives_as_it_was_written() -> None:
    with smtp() as (inbox, port):
        told = send(
            plain(port),
            cc=["Bob <bob@example.org>", "c@example.org"],
            bcc="unseen@example.org",
            reply_to="r@example.org",
        )
        message = inbox.message()
        assert (message["From"], message["To"], message["Subject"]) == (
            "Me <me@example.org>",
            "Ada <ada@example.org>",
            "Grüße",
        )
        assert (message["Cc"], message["Reply-To"], message["Bcc"]) == (
            "Bob <bob@example.org>, c@example.org",
            "r@example.org",
            None,
        )
        assert message.get_content() == "Hallo ä\n.\nEnde\n"
        assert inbox.letters[0].rcpt_tos == [
            "ada@example.org",
            "bob@example.org",
            "c@example.org",
            "unseen@example.org",
        ]
        assert inbox.letters[0].mail_from == "me@example.org"
        assert (told["sent"], told["message_id"], told["refused"]) == (True, message["Message-ID"], {})
        assert b"unseen" not in inbox.letters[0].content  # type: ignore[operator]


def test_html_beside_the_text_and_alone() -> None:
    with smtp() as (inbox, port):
        send(plain(port), html="<b>ä</b>")
        assert inbox.message().get_content_type() == "multipart/alternative"
        assert inbox.message().get_body(("html",)).get_content() == "<b>ä</b>\n"  # type: ignore[union-attr]
        send(plain(port), body="<i>x</i>", html=True)
        assert inbox.message().get_content_type() == "text/html"


def test_files_are_attached_that_the_policy_allows(tmp_path: Path) -> None:
    (tmp_path / "ä b.bin").write_bytes(b"\x00\xff")
    with smtp() as (inbox, port):
        sender = tools(tmp_path, host="127.0.0.1", port=str(port), security="none")
        send(sender, attachments=[str(tmp_path / "ä b.bin")], html="<p>")
        attachment = next(iter(inbox.message().iter_attachments()))
        assert (attachment.get_filename(), attachment.get_content()) == ("ä b.bin", b"\x00\xff")
        assert refused(sender, attachments=["/etc/passwd"]).code == "not_allowed"
        assert "can't attach" in str(refused(sender, attachments=[str(tmp_path / "missing")]))


def test_who_is_refused_is_told() -> None:
    with smtp() as (inbox, port):
        told = send(plain(port), to="ada@example.org, nobody@example.org")
        assert (told["accepted"], told["refused"]) == (["ada@example.org"], {"nobody@example.org": "no such mailbox"})
        error = refused(plain(port), to="nobody@example.org")
        assert "refuses all who should get it: nobody@example.org: no such mailbox" in str(error)
        assert len(inbox.letters) == 1


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("MY_PASSWORD", "s3cret")
    return made


def certified(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data == LoginPassword(b"me", b"s3cret"), handled=False)


ACCOUNT = {"host": "127.0.0.1", "user": "me", "password_env": "MY_PASSWORD"}


def test_starttls_and_a_password(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    how = {"tls_context": certified(authority), "require_starttls": True, "authenticator": knows, "auth_required": True}
    with smtp(**how) as (inbox, port):
        assert send(tools(port=str(port), **ACCOUNT))["sent"] is True
        assert len(inbox.letters) == 1
        monkeypatch.setenv("MY_PASSWORD", "wrong")
        error = refused(tools(port=str(port), **ACCOUNT))
        assert "does not accept user and password" in str(error)
        assert "wrong" not in str(error)
        monkeypatch.delenv("MY_PASSWORD")
        assert "MY_PASSWORD" in str(refused(tools(port=str(port), **ACCOUNT)))


def test_tls_from_the_start(authority: trustme.CA) -> None:
    with smtp(ssl_context=certified(authority)) as (inbox, port):
        assert send(tools(host="127.0.0.1", port=str(port), security="ssl"))["sent"] is True
        assert len(inbox.letters) == 1


def test_a_certificate_of_nobody_is_refused(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    other = trustme.CA()
    with smtp(tls_context=certified(other)) as (inbox, port):
        assert "the certificate is not accepted" in str(refused(tools(host="127.0.0.1", port=str(port))))
        assert inbox.letters == []


def test_no_password_and_no_letter_without_encryption_unless_told(authority: trustme.CA) -> None:
    with smtp(authenticator=knows, auth_require_tls=False) as (inbox, port):
        assert "does not encrypt (STARTTLS)" in str(refused(tools(port=str(port), **ACCOUNT)))
        assert inbox.letters == []
        assert send(tools(port=str(port), security="none", **ACCOUNT))["sent"] is True


def test_servers_that_do_not_serve() -> None:
    assert "connection refused" in str(refused(plain(unused_port())))
    with talking(lambda connection: connection.sendall(b"554 go away\r\n")) as line:
        assert "554 go away" in str(refused(plain(line.port)))
    with talking(lambda connection: connection.close()) as line:
        assert "127.0.0.1" in str(refused(plain(line.port)))
    hidden = tools(host="10.0.0.1", security="none")
    assert refused(hidden).code == "not_allowed"


def test_a_server_that_drips_does_not_outlast_the_call() -> None:
    with talking(drip(b"220-", asked=False)) as line:
        with pytest.raises(ToolError) as raised:
            plain(line.port).call("email-sender", LETTER, seconds=0.3)
        assert raised.value.code == "timeout"
        assert line.gone.wait(10)


# What a letter may not be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"subject": "Hi\nBcc: eve@example.org"},
        {"subject": "Hi\r\n\r\nbody"},
        {"subject": "Hi\rX: y"},
        {"subject": "a\u2028b"},
        {"to": "ada@example.org\nBcc: eve@example.org"},
        {"to": "ada@example.org>\r\nRCPT TO:<eve@example.org"},
        {"sender": "me@example.org\r\nX: y"},
        {"sender": "Me\n <me@example.org>"},
        {"reply_to": "a@b\r\nX: y"},
        {"cc": ["ok@example.org", "x\0@example.org"]},
        {"to": ""},
        {"to": "ada"},
        {"to": "@example.org"},
        {"to": "a@b@c d"},
        {"to": "a@-x"},
        {"to": [f"a{n}@example.org" for n in range(1001)]},
        {"sender": "a@x.org, b@x.org"},
        {"body": ""},
    ],
)
def test_what_a_letter_may_not_be(parameters: dict[str, Any]) -> None:
    assert refused(tools(host="127.0.0.1"), **parameters).code == "invalid_parameters"


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_written_there_are_no_other_headers(subject: str, name: str, body: str) -> None:
    try:
        made = send(tools(), subject=subject, to=f"{name} <ada@example.org>", body=body, dry_run=True)
    except ToolError as error:
        assert error.code == "invalid_parameters"
        return
    head = made["message"].partition("\r\n\r\n")[0]
    names = {line.partition(":")[0] for line in re.split(r"\r\n(?![ \t])", head)}
    assert names <= {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }


def test_addresses_of_the_world() -> None:
    with smtp() as (inbox, port):
        send(plain(port), to='"Lovelace, Ada" <ada@bücher.example>')
        assert inbox.letters[0].rcpt_tos == ["ada@xn--bcher-kva.example"]
        send(plain(port), to="jürgen@example.org")
        assert inbox.letters[1].rcpt_tos == ["jürgen@example.org"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, 'host = "…"'),
        ({"host": "h", "security": "tls"}, "security in"),
        ({"host": "h", "port": "smtp"}, "port in"),
        ({"hots": "h"}, "'hots' is unknown"),
        ({"provider": "pigeon"}, "provider in"),
        ({"provider": "sendgrid", "api_key_env": "NO_SUCH_KEY"}, "NO_SUCH_KEY"),
    ],
)
def test_what_is_set_wrong(settings: dict[str, str], words: str) -> None:
    assert words in str(refused(tools(**settings)))


# Services ---------------------------------------------------------------------------------------------


def test_sendgrid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    (tmp_path / "a.txt").write_text("file")
    with pages({"/v3/mail/send": lambda r: r.answer(b"", 202, X_Message_Id="m1")}) as server:
        sender = tools(tmp_path, provider="sendgrid", endpoint=server.base)
        told = send(
            sender,
            html="<b>",
            cc="c@example.org",
            bcc="b@example.org",
            reply_to="r@example.org",
            attachments=[str(tmp_path / "a.txt")],
        )
        assert (told["message_id"], told["provider"]) == ("m1", "sendgrid")
        asked = server.asked[0]
        assert asked.headers["Authorization"] == "Bearer SG.x"
        assert json.loads(asked.body) == {
            "personalizations": [
                {
                    "to": [{"email": "ada@example.org", "name": "Ada"}],
                    "cc": [{"email": "c@example.org"}],
                    "bcc": [{"email": "b@example.org"}],
                }
            ],
            "from": {"email": "me@example.org", "name": "Me"},
            "reply_to_list": [{"email": "r@example.org"}],
            "subject": "Grüße",
            "content": [{"type": "text/plain", "value": LETTER["body"]}, {"type": "text/html", "value": "<b>"}],
            "attachments": [{"content": base64.b64encode(b"file").decode(), "filename": "a.txt", "type": "text/plain"}],
        }
    with pages({"*": lambda r: r.answer('{"errors": [{"message": "bad key"}]}', 401)}) as server:
        error = refused(tools(provider="sendgrid", endpoint=server.base))
        assert "sendgrid answers 401" in str(error) and "bad key" in str(error)


def test_ses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    path = "/v2/email/outbound-emails"
    with pages({path: lambda r: r.answer('{"MessageId": "m2"}', kind="application/json")}) as server:
        told = send(tools(provider="ses", endpoint=server.base, region="eu-west-1"), bcc="b@example.org")
        assert told["message_id"] == "m2"
        asked = server.asked[0]
        body = json.loads(asked.body)
        assert body["Destination"] == {
            "ToAddresses": ["ada@example.org"],
            "CcAddresses": [],
            "BccAddresses": ["b@example.org"],
        }
        message = email.message_from_bytes(
            base64.b64decode(body["Content"]["Raw"]["Data"]), policy=email.policy.default
        )
        assert message["Subject"] == "Grüße"
        when = datetime.strptime(asked.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        again = signed(
            "POST", server.url(path), {"Content-Type": "application/json"}, asked.body,
            Credentials("AKIDEXAMPLE", "secret"), "eu-west-1", "ses", when,
        )  # fmt: skip
        assert asked.headers["Authorization"] == again["Authorization"]
        assert asked.headers["Host"] == again["Host"]


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_signatures_are_those_of_amazons_test_suite(method: str, signature: str) -> None:
    """get-vanilla and post-vanilla of its aws4_testsuite."""
    who = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    when = datetime(2015, 8, 30, 12, 36, tzinfo=timezone.utc)
    headers = signed(method, "https://example.amazonaws.com/", {}, b"", who, "us-east-1", "service", when)
    assert headers["Authorization"].endswith(f"SignedHeaders=host;x-amz-date, Signature={signature}")
