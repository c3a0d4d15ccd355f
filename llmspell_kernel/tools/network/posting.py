"""How letters are sent: by SMTP, or by the services of SendGrid and Amazon. The tool's thread."""

from __future__ import annotations

import base64
import json
import os
import smtplib
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from email.headerregistry import Address
from typing import Any

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.connections import Network
from llmspell_kernel.tools.network.http import Answer, fetch
from llmspell_kernel.tools.network.letters import Letter
from llmspell_kernel.tools.network.signing import Credentials, signed

Settings = Mapping[str, str]
Told = dict[str, Any]
TABLE = "[tools.email-sender] of llmspell.toml"
SECURITY = ("starttls", "ssl", "none")
PORTS = {"starttls": 587, "ssl": 465, "none": 25}


def secret(settings: Settings, name: str, usual: str = "") -> str:
    """What stands in the variable that a setting names. Raises ToolError: nothing does."""
    variable = settings.get(name, usual)
    value = os.environ.get(variable, "") if variable else ""
    if not value:
        raise ToolError(f"the environment has no {variable or 'variable'} ({name} in {TABLE} names it)")
    return value


# SMTP -------------------------------------------------------------------------------------------------


class _Mail(smtplib.SMTP):
    """An SMTP client whose connection is one of ours."""

    def __init__(self, network: Network, host: str, port: int, from_the_start: bool) -> None:
        self._network, self._from_the_start = network, from_the_start
        super().__init__(local_hostname="localhost")  # else the name of this machine is looked up
        self._host = host
        try:
            code, text = self.connect(host, port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, text)
        except BaseException:
            self.close()
            raise

    def _get_socket(self, host: str, port: int, _timeout: float) -> socket.socket:
        sock = self._network.connect(host, port)
        place = sock.getsockname()[0]
        self.local_hostname = f"[IPv6:{place}]" if ":" in place else f"[{place}]"
        return self._network.secure(sock, host) if self._from_the_start else sock

    def encrypt(self) -> None:
        context: Any = _Context(self._network)  # smtplib asks no more of it
        self.starttls(context=context)


class _Context:
    def __init__(self, network: Network) -> None:
        self._network = network

    def wrap_socket(self, sock: socket.socket, server_hostname: str) -> ssl.SSLSocket:
        return self._network.secure(sock, server_hostname)


def by_smtp(call: Call, settings: Settings, letter: Letter) -> Told:
    host, port, security = _server(settings)
    user = settings.get("user", "")
    password = secret(settings, "password_env") if user else ""
    message = letter.message()
    with Network(call) as network:
        try:
            with _Mail(network, host, port, security == "ssl") as mail:
                if security == "starttls":
                    mail.encrypt()
                if user:
                    mail.login(user, password)
                refused = mail.send_message(message, letter.sender.addr_spec, letter.people())
        except (smtplib.SMTPException, OSError) as error:
            network.left()  # it ended because the call did?
            raise _said(host, error) from error
    accepted = [one for one in letter.people() if one not in refused]
    reasons = {one: _text(reply[1]) for one, reply in refused.items()}
    return {"message_id": message["Message-ID"], "accepted": accepted, "refused": reasons}


def _server(settings: Settings) -> tuple[str, int, str]:
    host, port = settings.get("host", ""), settings.get("port", "")
    if not host:
        raise ToolError(f'no server is set: {TABLE} needs host = "…", and mostly user, password_env, security, from')
    security = settings.get("security") or {"465": "ssl"}.get(port, "starttls")
    if security not in SECURITY:
        raise ToolError(f"security in {TABLE} is {', '.join(SECURITY)}, not {security!r}")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ToolError(f"port in {TABLE} is a number from 1 to 65535, not {port!r}")
    return host, int(port or PORTS[security]), security


def _said(host: str, error: smtplib.SMTPException | OSError) -> ToolError:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        reasons = {one: _text(reply[1]) for one, reply in error.recipients.items()}
        told = "; ".join(f"{one}: {reason}" for one, reason in reasons.items())
        return ToolError(f"{host} refuses all who should get it: {told}"[:1000], details={"refused": reasons})
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return ToolError(f"{host} does not accept user and password: {_text(error.smtp_error)}")
    if isinstance(error, smtplib.SMTPNotSupportedError) and "STARTTLS" in str(error):
        return ToolError(f'{host} does not encrypt (STARTTLS); security in {TABLE} may be "ssl", or "none"')
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return ToolError(f"{host} can't do that: {error}")
    if isinstance(error, smtplib.SMTPResponseException):
        details = {"smtp_code": error.smtp_code}
        return ToolError(f"{host} refuses: {error.smtp_code} {_text(error.smtp_error)}", details=details)
    return ToolError(f"the connection to {host} broke: {str(error)[:300].lower() or type(error).__name__}")


def _text(reply: bytes | str) -> str:
    return (reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply))[:300]


# Services ---------------------------------------------------------------------------------------------


def by_sendgrid(call: Call, settings: Settings, letter: Letter) -> Told:
    key = secret(settings, "api_key_env", "SENDGRID_API_KEY")
    url = settings.get("endpoint", "https://api.sendgrid.com").rstrip("/") + "/v3/mail/send"
    people = {"to": letter.to, "cc": letter.cc, "bcc": letter.bcc}
    kinds = (("text/plain", letter.text), ("text/html", letter.html))
    body: dict[str, Any] = {
        "personalizations": [{name: list(map(_person, found)) for name, found in people.items() if found}],
        "from": _person(letter.sender), "subject": letter.subject,
        "content": [{"type": kind, "value": text} for kind, text in kinds if text],
    }  # fmt: skip
    if letter.reply_to:
        body["reply_to_list"] = list(map(_person, letter.reply_to))
    if letter.attachments:
        body["attachments"] = [
            {"content": base64.b64encode(one.data).decode(), "filename": one.name, "type": one.kind}
            for one in letter.attachments
        ]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = _posted("sendgrid", fetch(call, "POST", url, headers=headers, body=json.dumps(body), redirects=0))
    return {"message_id": answer.headers.get("x-message-id", ""), "accepted": letter.people(), "refused": {}}


def _person(one: Address) -> dict[str, str]:
    return {"email": one.addr_spec, **({"name": one.display_name} if one.display_name else {})}


def by_ses(call: Call, settings: Settings, letter: Letter) -> Told:
    """The SES API, version 2."""
    who = Credentials(
        secret(settings, "access_key_env", "AWS_ACCESS_KEY_ID"),
        secret(settings, "secret_key_env", "AWS_SECRET_ACCESS_KEY"),
        os.environ.get(settings.get("session_token_env", "AWS_SESSION_TOKEN"), ""),
    )
    region = settings.get("region") or os.environ.get("AWS_REGION", "us-east-1")
    base = settings.get("endpoint", f"https://email.{region}.amazonaws.com").rstrip("/")
    to, cc, bcc = (_specs(found) for found in (letter.to, letter.cc, letter.bcc))
    body = json.dumps({
        "FromEmailAddress": letter.sender.addr_spec,
        "Destination": {"ToAddresses": to, "CcAddresses": cc, "BccAddresses": bcc},
        "Content": {"Raw": {"Data": base64.b64encode(letter.message().as_bytes()).decode()}},
    }).encode()  # fmt: skip
    url, kind = f"{base}/v2/email/outbound-emails", {"Content-Type": "application/json"}
    headers = signed("POST", url, kind, body, who, region, "ses", datetime.now(timezone.utc))
    answer = _posted("ses", fetch(call, "POST", url, headers=headers, body=body, redirects=0))
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = {}
    message_id = told.get("MessageId", "") if isinstance(told, dict) else ""
    return {"message_id": message_id, "accepted": letter.people(), "refused": {}}


def _specs(found: Sequence[Address]) -> list[str]:
    return [one.addr_spec for one in found]


def _posted(name: str, answer: Answer) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    text = answer.text()[:500]
    details = {"status": answer.status, "body": text}
    raise ToolError(f"{name} answers {answer.status} {answer.reason}: {text}", details=details)
