"""Services of the system that start a kernel: a systemd unit, a launchd property list. No I/O here."""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from typing import NamedTuple

GRACE = 30  # seconds to end before the system kills: more than a kernel gives its cell by default


class Plan(NamedTuple):
    """``command``: what is started, word by word. ``user``: as whom a service of the whole machine runs; "": it is one
    of a person's own."""

    name: str
    command: Sequence[str]
    folder: str
    log_file: str
    user: str = ""
    environment: tuple[tuple[str, str], ...] = ()


def systemd(plan: Plan) -> str:
    """A unit, systemd.service(5). A kernel tells when it is ready, and reads its settings again at SIGHUP."""
    lines = [
        "[Unit]",
        f"Description=llmspell kernel {plan.name.replace('%', '%%')}",
        "Documentation=man:systemd.service(5)",
        *(["After=network.target"] if plan.user else []),
        "StartLimitIntervalSec=60",
        "StartLimitBurst=5",
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart={' '.join(map(_word, plan.command))}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        *([f"User={plan.user}"] if plan.user else []),
        f"WorkingDirectory={_path(plan.folder)}",
        *(f"Environment={_word(f'{name}={value}', dollars=False)}" for name, value in plan.environment),
        "Restart=on-failure",
        "RestartSec=5s",
        "KillMode=mixed",
        f"TimeoutStopSec={GRACE}s",
        "LimitNOFILE=65536",
        "NoNewPrivileges=yes",
        *(["PrivateTmp=yes"] if plan.user else []),
        "",
        "[Install]",
        f"WantedBy={'multi-user' if plan.user else 'default'}.target",
    ]
    return "\n".join(lines) + "\n"


def _word(text: str, dollars: bool = True) -> str:
    """As systemd reads one word: quoted, with its specifiers and variables as they are written."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    if dollars:
        escaped = escaped.replace("$", "$$")
    plain = all(one.isalnum() or one in "/._-+=:,@" for one in text) and text != ""
    return text if plain else f'"{escaped}"'


def _path(text: str) -> str:
    """A path stands for itself: no quotes are read there, but specifiers are."""
    return text.replace("%", "%%")


def launchd(plan: Plan) -> bytes:
    """A property list, launchd.plist(5)."""
    return plistlib.dumps(
        {
            "Label": label(plan),
            "ProgramArguments": list(plan.command),
            "WorkingDirectory": plan.folder,
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 5,
            "ExitTimeOut": GRACE,
            "ProcessType": "Background",
            "SoftResourceLimits": {"NumberOfFiles": 65536},
            "StandardOutPath": "/dev/null",
            "StandardErrorPath": plan.log_file + ".stderr",
            **({"UserName": plan.user} if plan.user else {}),
            **({"EnvironmentVariables": dict(plan.environment)} if plan.environment else {}),
        }
    )


def label(plan: Plan) -> str:
    return f"llmspell.{plan.name}"
