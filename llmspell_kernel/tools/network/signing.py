"""Signature Version 4: how requests to Amazon's services say who asks. Pure; any thread."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit


class Credentials(NamedTuple):
    key: str
    secret: str
    token: str = ""  # of temporary ones


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    who: Credentials,
    region: str,
    service: str,
    now: datetime,
) -> dict[str, str]:
    """The headers, and those that sign them and the body. The address has no query."""
    parts = urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    sent = {"Host": parts.netloc, "X-Amz-Date": moment, **headers}
    if who.token:
        sent["X-Amz-Security-Token"] = who.token
    lower = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    names = ";".join(sorted(lower))
    lines = "".join(f"{name}:{lower[name]}\n" for name in sorted(lower))
    request = f"{method}\n{parts.path or '/'}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{who.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    said = f"AWS4-HMAC-SHA256 Credential={who.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": said}
