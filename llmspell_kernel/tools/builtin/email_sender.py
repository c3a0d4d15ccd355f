"""email_sender: letters, through the server or the service that llmspell.toml names. Any thread.

[tools.email-sender]
host = "smtp.example.org"        # provider smtp, the usual one
security = "starttls"            # or "ssl", "none"; port where it is not 587, 465, 25
user = "me"
password_env = "MY_PASSWORD"     # the variable that holds it
from = "Me <me@example.org>"
# provider = "sendgrid": api_key_env, endpoint; provider = "ses": region, access_key_env, secret_key_env, endpoint
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.letters import Letter, addresses, attached, one_line
from llmspell_kernel.tools.network.posting import TABLE, Settings, by_sendgrid, by_ses, by_smtp
from llmspell_kernel.tools.spec import Example, Result, tool

if TYPE_CHECKING:
    from llmspell_kernel.tools.stage import Stage

PROVIDERS: dict[str, Callable[[Call, Settings, Letter], dict[str, Any]]] = {
    "smtp": by_smtp, "sendgrid": by_sendgrid, "ses": by_ses,
}  # fmt: skip
OWN = (
    "provider", "host", "port", "user", "password_env", "security", "from", "endpoint", "api_key_env", "region",
    "access_key_env", "secret_key_env", "session_token_env",
)  # fmt: skip


def _settings(stage: Stage) -> None:
    stage.settings["tools.email-sender"] = {"host": "127.0.0.1", "from": "Me <me@example.org>"}


@tool(
    category="api",
    level="restricted",
    aliases={"from": "sender"},
    prepare=_settings,
    examples=[
        Example(
            "See what would be sent",
            {"to": ["Ada <ada@example.org>"], "subject": "Hello", "body": "How are you?", "dry_run": True},
            text="would send 'Hello' to ada@example.org",
            result={"from": "Me <me@example.org>", "to": ["ada@example.org"], "sent": False},
        ),
        Example(
            "A subject is one line",
            {"to": "ada@example.org", "subject": "Hi\r\nBcc: eve@example.org", "body": "x", "dry_run": True},
            error="invalid_parameters",
        ),
    ],
)
def email_sender(
    call: Call,
    to: str | list[str],
    subject: str,
    body: str,
    sender: str | None = None,
    html: str | bool | None = None,
    cc: str | list[str] | None = None,
    bcc: str | list[str] | None = None,
    reply_to: str | None = None,
    attachments: list[str] | None = None,
    provider: Literal["smtp", "sendgrid", "ses"] | None = None,
    dry_run: bool = False,
) -> Result:
    """Send an e-mail.

    Args:
        to: Who gets it: one address, several with commas, or a list; also Name <address>.
        subject: What it is about; one line.
        body: The text.
        sender: Who sends it; else from of llmspell.toml.
        html: The same as HTML, beside the text; true: the body is HTML.
        cc: Who gets a copy.
        bcc: Who gets a copy unseen.
        reply_to: Where answers go.
        attachments: Files to attach.
        provider: How it is sent; else as llmspell.toml says, or else smtp.
        dry_run: Make the message and tell of it, but don't send it.
    """
    settings = _checked(call.settings)
    letter = _letter(call, to, subject, body, sender, html, (cc, bcc, reply_to), attachments or [])
    told: dict[str, Any] = {
        "from": str(letter.sender), "to": letter.people(), "subject": letter.subject,
        "attachments": [one.name for one in letter.attachments],
    }  # fmt: skip
    if dry_run:
        source = letter.message().as_bytes().decode("utf-8", "surrogateescape")
        text = f"would send {letter.subject!r} to {', '.join(letter.people())}"
        return Result({**told, "sent": False, "message": source}, text)
    name = provider or settings.get("provider", "smtp")
    if name not in PROVIDERS:
        raise ToolError(f"provider in {TABLE} is {', '.join(PROVIDERS)}, not {name!r}")
    sent = PROVIDERS[name](call, settings, letter)
    value = {**told, "sent": True, "provider": name, **sent}
    lost = "".join(f"; refused: {one} ({why})" for one, why in sent["refused"].items())
    return Result(value, f"sent to {', '.join(sent['accepted'])}{lost}")


def _checked(settings: Settings) -> Settings:
    for name in settings:
        if name not in OWN:
            raise ToolError(f"{TABLE}: {name!r} is unknown; there are {', '.join(OWN)}")
    return settings


def _letter(
    call: Call, to: Any, subject: str, body: str, sender: str | None, html: str | bool | None, others: Any, files: Any
) -> Letter:
    cc, bcc, reply_to = others
    whose = addresses("sender", sender or call.settings.get("from", ""))
    if len(whose) != 1:
        raise ToolError(f"who sends it? Give one sender, or from in {TABLE}", code="invalid_parameters")
    people = addresses("to", to)
    if not people:
        raise ToolError("who gets it? Give to", code="invalid_parameters")
    text = body.encode("utf-8", "replace").decode()
    also = html.encode("utf-8", "replace").decode() if isinstance(html, str) else ""
    if html is True:
        text, also = "", text
    if not (text or also):
        raise ToolError("the letter is empty: give a body", code="invalid_parameters")
    return Letter(
        whose[0], people, addresses("cc", cc), addresses("bcc", bcc), addresses("reply_to", reply_to),
        one_line("subject", subject), text, also, attached(call.policy, files),
    )  # fmt: skip
