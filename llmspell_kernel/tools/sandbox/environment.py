"""Which environment variables tools may read, set, and hand to programs. Any thread.

Names are compared with patterns (``LC_*``), whatever their case. What is denied is denied whatever allows it; what
looks like a secret, by its name or its value, is never told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.sandbox.policy import Policy

USUAL = (
    "PATH", "HOME", "USER", "LOGNAME", "USERNAME", "SHELL", "PWD", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM",
    "COLORTERM", "TMPDIR", "TEMP", "TMP", "HOSTNAME", "COMPUTERNAME", "OS", "EDITOR", "VIRTUAL_ENV", "XDG_*_HOME",
    "USERPROFILE", "SYSTEMROOT", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS",
)  # fmt: skip
SECRETS = (
    "*KEY*", "*TOKEN*", "*SECRET*", "*PASS*", "*PWD", "*_PW", "*CREDENTIAL*", "*CREDS*", "*AUTH*", "*PRIVATE*",
    "*COOKIE*", "*JWT*", "*BEARER*", "*_PAT", "*CERT*", "*SIGNATURE*", "*WEBHOOK*", "*DSN*", "*CONNECTION_STRING*",
    "*_CONN_STR*", "*SALT*", "*SESSION_ID*",
)  # fmt: skip
NO_SECRETS = ("PWD", "OLDPWD")
# What changes which code a program runs: set by nobody, handed to no program.
STEERING = (
    "PATH", "LD_*", "DYLD_*", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH", "MALLOC_*", "IFS", "ENV", "BASH_*",
    "SHELLOPTS", "BASHOPTS", "PS4", "PYTHON*", "PERL*", "RUBY*", "NODE_*", "LUA_*", "JAVA_*", "_JAVA_*", "JDK_*",
    "GIT_*", "SSH_*", "LLMSPELL_*", "PAGER", "LESSOPEN", "PATHEXT", "COMSPEC", "SYSTEMROOT",
    "TMPDIR", "TMP", "TEMP", "TZDIR",
)  # fmt: skip
_PASSWORD_IN_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@")
_PRIVATE_KEY = "PRIVATE KEY-----"


def fits(name: str, patterns: Iterable[str]) -> str | None:
    """The first of the patterns that a name fits."""
    upper = name.upper()
    return next((pattern for pattern in patterns if fnmatchcase(upper, pattern.upper())), None)


def looks_secret(name: str, value: str = "") -> bool:
    if _PASSWORD_IN_ADDRESS.search(value) or _PRIVATE_KEY in value:
        return True
    return fits(name, SECRETS) is not None and name.upper() not in NO_SECRETS


def may_read(policy: Policy, name: str, value: str = "") -> bool:
    return _reading_refused(policy, name, value) is None


def require_readable(policy: Policy, name: str, value: str = "") -> None:
    """Raises ToolError, whether the variable is set or not."""
    refused = _reading_refused(policy, name, value)
    if refused is not None:
        raise refused


def _reading_refused(policy: Policy, name: str, value: str) -> ToolError | None:
    denied = fits(name, policy.denied_environment)
    if denied is not None:
        return _refused(
            f"{name} may not be read: llmspell.toml denies {denied} ([tools] denied_environment)",
            "tools.denied_environment", name, denied,
        )  # fmt: skip
    if looks_secret(name, value):
        return _refused(f"{name} looks like a secret; no setting allows tools to read it", "secrets", name)
    if fits(name, (*USUAL, *policy.allowed_environment)) is None:
        return _refused(
            f'{name} may not be read; llmspell.toml allows it with [tools] allowed_environment = ["{name}"]',
            "tools.allowed_environment", name,
        )  # fmt: skip
    return None


def require_settable(policy: Policy, name: str, value: str) -> None:
    """Raises ToolError unless a variable of this process may be set."""
    require_sound(name, value)
    if fits(name, policy.denied_environment) is not None or looks_secret(name):
        require_readable(policy, name)
    if fits(name, policy.writable_environment) is None:
        raise _refused(
            f'{name} may not be set; llmspell.toml allows it with [tools] writable_environment = ["{name}"]',
            "tools.writable_environment", name,
        )  # fmt: skip


def require_sound(name: str, value: str) -> None:
    """Raises ToolError for what no program may be given."""
    if not name or "=" in name or "\0" in name + value or not name.isprintable():
        raise ToolError(f"{name!r} can't be the name of a variable with this value", code="invalid_parameters")
    steering = fits(name, STEERING)
    if steering is not None:
        raise _refused(f"{name} ({steering}) changes which code programs run; no tool sets it", "steering", name)


def _refused(message: str, rule: str, name: str, pattern: str = "") -> ToolError:
    details = {"rule": rule, "variable": name}
    return ToolError(message, code="not_allowed", details={**details, "pattern": pattern} if pattern else details)
