"""Letters (e-mail): what is given becomes a message that says only that. Any thread."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, getaddresses, make_msgid
from typing import NamedTuple

import idna

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.sandbox.policy import Policy, require_regular

MAX_BYTES = 25 * 1024 * 1024  # what most servers take
MAX_PEOPLE = 1000
LOCAL = re.compile(r"[^\s\x00-\x20\x7f-\x9f()<>\[\]:;@\\,\"]{1,64}")
DOMAIN = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


class Attachment(NamedTuple):
    name: str
    kind: str
    data: bytes


class Letter(NamedTuple):
    sender: Address
    to: list[Address]
    cc: list[Address]
    bcc: list[Address]
    reply_to: list[Address]
    subject: str
    text: str
    html: str
    attachments: list[Attachment]

    def people(self) -> list[str]:
        """All who get it, each once."""
        return list(dict.fromkeys(one.addr_spec for one in (*self.to, *self.cc, *self.bcc)))

    def message(self) -> EmailMessage:
        """As it is sent. Who gets it unseen (bcc) is not in it."""
        ascii_only = all(one.addr_spec.isascii() for one in (self.sender, *self.to, *self.cc, *self.reply_to))
        message = EmailMessage(policy=SMTP if ascii_only else SMTPUTF8)
        headers: dict[str, str | Address | tuple[Address, ...]] = {
            "From": self.sender, "To": tuple(self.to), "Cc": tuple(self.cc), "Reply-To": tuple(self.reply_to),
            "Subject": self.subject, "Date": formatdate(), "Message-ID": make_msgid(domain=self.sender.domain),
        }  # fmt: skip
        for name, value in headers.items():
            if value != ():
                message[name] = value
        message.set_content(self.text or "\n")
        if self.html:
            if self.text:
                message.add_alternative(self.html, subtype="html")
            else:
                message.set_content(self.html, subtype="html")
        for name, kind, data in self.attachments:
            main, _, sub = kind.partition("/")
            message.add_attachment(data, main, sub, filename=name)
        return message


def one_line(name: str, text: str) -> str:
    """Raises ToolError: a line break would begin another header."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]", text):
        raise ToolError(
            f"{name} holds a line break or another control character, which could begin another header",
            code="invalid_parameters",
        )
    return text.encode("utf-8", "replace").decode()


def addresses(name: str, given: str | Sequence[str] | None) -> list[Address]:
    """``ada@example.org``, ``Ada <ada@example.org>``, several with commas, or a list. Raises ToolError."""
    texts = [given] if isinstance(given, str) else list(given or ())
    found = [_address(name, *pair) for text in texts for pair in getaddresses([one_line(name, text)])]
    if len(found) > MAX_PEOPLE:
        raise ToolError(f"{name} has {len(found)} addresses; at most {MAX_PEOPLE}", code="invalid_parameters")
    return found


def _address(name: str, person: str, address: str) -> Address:
    local, at, domain = address.rpartition("@")
    try:
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        domain = ""
    if not at or not LOCAL.fullmatch(local) or not DOMAIN.fullmatch(domain):
        raise ToolError(f"{name}: {address or person!r} is not an address of a mailbox", code="invalid_parameters")
    return Address(person, local, domain)


def attached(policy: Policy, paths: Sequence[str]) -> list[Attachment]:
    """Files that the policy allows. Raises ToolError."""
    found, left = [], min(MAX_BYTES, policy.max_file_bytes)
    for path in paths:
        real = policy.resolve(path)
        require_regular(real)
        try:
            with open(real, "rb") as file:
                data = file.read(left + 1)
        except OSError as error:
            raise ToolError(f"can't attach {path}: {(error.strerror or str(error)).lower()}") from error
        left -= len(data)
        if left < 0:
            raise ToolError(f"the attachments have more than {MAX_BYTES} bytes together", code="invalid_parameters")
        kind = mimetypes.guess_type(real)[0] or "application/octet-stream"
        found.append(Attachment(one_line("attachments", os.path.basename(real)), kind, data))
    return found
