"""``llmspell.toml``: settings of a project, found in the working folder or above it. Any thread.

    [lua]
    stdlib = "safe"        # or "full"
    runtime = "luajit"     # or "lua54"

    [tools]
    allowed_paths = ["data"]
    timeouts = { web-searcher = 10 }

`SETTINGS` names them all. Below the project's file stand the user's (``~/.config/llmspell/config.toml``), above it the
environment (``LLMSPELL_TOOLS_LEVEL=safe``), and above all what a command line or a launch configuration says. An
unknown key is an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from llmspell_kernel.errors import UserError

NAME = "llmspell.toml"
Values = dict[str, Any]


class Setting(NamedTuple):
    """``read`` makes of what TOML gives what we use, or raises ValueError with what was expected."""

    read: Callable[[Any, str], Any]  # value, folder of the file
    default: Any
    about: str


# What a setting may be ------------------------------------------------------------------------------


def _flag(value: Any, _: str) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("true or false")


def _positive(value: Any, _: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError("a number above 0")


def _count(value: Any, _: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError("a whole number above 0")


def _natural(value: Any, _: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("a whole number, 0 or more")


def _port(value: Any, _: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 65536:
        return value
    raise ValueError("a port number, or 0 for any")


def _path(value: Any, folder: str) -> str:
    return os.path.join(folder, os.path.expanduser(_text(value, folder)))


def _text(value: Any, _: str) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("a string")


def _word(value: Any, _: str) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("a string or a whole number")


def _texts(value: Any, _: str) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ValueError("a list of strings")


def _paths(value: Any, folder: str) -> tuple[str, ...]:
    return tuple(os.path.join(folder, os.path.expanduser(one)) for one in _texts(value, folder))


def _choice(*choices: str) -> Callable[[Any, str], str]:
    def read(value: Any, _: str) -> str:
        if value in choices:
            return str(value)
        raise ValueError(" or ".join(map(repr, choices)))

    return read


def _table(read: Callable[[Any, str], Any], what: str) -> Callable[[Any, str], dict[str, Any]]:
    def table(value: Any, folder: str) -> dict[str, Any]:
        if isinstance(value, dict):
            try:
                return {str(key): read(one, folder) for key, one in value.items()}
            except ValueError as error:
                raise ValueError(f"a table of {what} (each {error})") from None
        raise ValueError(f"a table of {what}")

    return table


def _server(value: Any, folder: str) -> dict[str, Any]:
    """How a Model Context Protocol server is reached."""
    if not isinstance(value, dict) or ("command" in value) == ("url" in value):
        raise ValueError("with either command or url")
    kinds = {"command": _text, "args": _texts, "url": _text, "env": _table(_text, "strings"), "cwd": _text}
    unknown = [key for key in value if key not in kinds]
    if unknown:
        raise ValueError(f"with command, args, env, cwd or url, not {unknown[0]}")
    return {key: kinds[key](one, folder) for key, one in value.items()}


SETTINGS: dict[str, Setting] = {
    "lua.stdlib": Setting(_choice("full", "safe"), "full", "what of Lua's library a program has"),
    "lua.runtime": Setting(_choice("lua54", "luajit"), None, "what runs programs: lua54, unless set"),
    "lua.path": Setting(_paths, (), "more folders for require"),
    "lua.memory": Setting(_positive, None, "MB that a program may use"),
    "lua.timeout": Setting(_positive, None, "seconds that a program may run"),
    "kernel.port": Setting(_port, 0, "the first of a kernel's five ports; 0: whichever are free"),
    "kernel.metrics_port": Setting(_port, None, "where Prometheus finds a kernel's metrics; 0: any port"),
    "kernel.max_concurrent_clients": Setting(_count, None, "clients that may send requests at a time"),
    "kernel.max_message_size_mb": Setting(_positive, 64, "MB of a message that a kernel takes"),
    "kernel.timeout_seconds": Setting(_positive, None, "seconds until a connection that is dead is closed"),
    "kernel.idle_timeout": Setting(_positive, None, "seconds after which a kernel ends that nobody uses"),
    "kernel.execution_timeout": Setting(_positive, None, "seconds that a cell may run"),
    "kernel.grace_seconds": Setting(_positive, 5, "seconds that a cell has to end when its kernel is told to"),
    "kernel.max_memory_mb": Setting(_positive, None, "MB that the programs of a kernel may use"),
    "transport.zeromq.sndbuf": Setting(_count, None, "bytes that the system keeps of what goes to a client"),
    "transport.zeromq.rcvbuf": Setting(_count, None, "the same of what comes"),
    "transport.zeromq.linger": Setting(_natural, None, "milliseconds at the end for what is under way; 1000"),
    "logging.level": Setting(_text, None, "as LLMSPELL_LOG: warn,llmspell_kernel.transport=off"),
    "logging.format": Setting(_choice("compact", "text", "json", "pretty"), None, "as LOG_FORMAT"),
    "logging.file": Setting(_path, None, "where a kernel writes its log"),
    "logging.rotate_size_mb": Setting(_positive, 10, "MB of a log after which another one is begun"),
    "logging.rotate_count": Setting(_natural, 5, "old logs that are kept, compressed"),
    "dap.port": Setting(_port, None, "where editors attach to a kernel; 0: any port"),
    "tools.level": Setting(
        _choice("safe", "restricted", "privileged"), None, "the highest level of tools that may be called"
    ),
    "tools.paths": Setting(_paths, (), "Python files, or folders of them, with tools of the project"),
    "tools.disabled": Setting(_texts, (), "tools that nobody may call"),
    "tools.timeout_seconds": Setting(_positive, 30, "seconds that a call may take"),
    "tools.timeouts": Setting(_table(_positive, "numbers by tool"), {}, "the same, by tool"),
    "tools.max_memory_mb": Setting(_positive, 1024, "MB for a tool that runs in a process of its own"),
    "tools.cache_enabled": Setting(_flag, False, "whether results of pure tools are kept"),
    "tools.cache_size_mb": Setting(_positive, 64, "MB of results that are kept"),
    "tools.cache_ttl_seconds": Setting(_positive, 3600, "seconds that a result is kept"),
    "tools.allowed_paths": Setting(_paths, None, "folders that file tools may use"),
    "tools.max_file_mb": Setting(_positive, 100, "MB that a file tool reads or writes at once"),
    "tools.allowed_hosts": Setting(_texts, (), "hosts (*.example.org), addresses, networks; also local ones"),
    "tools.denied_hosts": Setting(_texts, (), "the same, that may not be reached"),
    "tools.only_allowed_hosts": Setting(_flag, False, "whether no other host may be reached"),
    "tools.allowed_programs": Setting(_texts, None, "programs that process-executor may start"),
    "tools.allowed_environment": Setting(_texts, (), "variables (patterns) that may be read besides the usual ones"),
    "tools.denied_environment": Setting(_texts, (), "variables (patterns) that may not be read"),
    "tools.writable_environment": Setting(_texts, (), "variables (patterns) that environment-reader may set"),
    "tools.mcp": Setting(_table(_server, "servers"), {}, "Model Context Protocol servers whose tools are ours too"),
    "tools.web-searcher": Setting(_table(_text, "strings"), {}, "provider, endpoint, api_key_env, fallback …"),
    "tools.email-sender": Setting(_table(_word, "words"), {}, "provider, host, port, user, password_env, from …"),
    "tools.database-connector": Setting(_table(_text, "strings"), {}, "names for addresses of databases"),
}
TABLES = ("tools.timeouts", "tools.mcp", "tools.web-searcher", "tools.email-sender", "tools.database-connector")


class Config:
    """All settings, as they hold for a folder. ``config["tools.level"]``; the most used have names."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self._values[key] if key in self._values else SETTINGS[key].default

    def table(self, name: str) -> Values:
        """``tools`` → its settings, by their names in it."""
        start = name + "."
        return {key[len(start) :]: self[key] for key in SETTINGS if key.startswith(start)}

    def given(self) -> Values:
        """What is set anywhere."""
        return dict(self._values)

    @property
    def safe(self) -> bool:
        return bool(self["lua.stdlib"] == "safe")

    @property
    def lua_path(self) -> tuple[str, ...]:
        return tuple(self["lua.path"])

    @property
    def memory_mb(self) -> float | None:
        value: float | None = self["lua.memory"]
        return value

    @property
    def seconds(self) -> float | None:
        value: float | None = self["lua.timeout"]
        return value

    @property
    def runtime(self) -> str | None:
        value: str | None = self["lua.runtime"]
        return value

    @property
    def allowed_paths(self) -> tuple[str, ...] | None:
        value: tuple[str, ...] | None = self["tools.allowed_paths"]
        return value


def find(folder: str) -> str | None:
    """The nearest llmspell.toml at or above a folder."""
    folder = os.path.abspath(folder)
    while True:
        path = os.path.join(folder, NAME)
        if os.path.isfile(path):
            return path
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def user_file() -> str:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(home, "llmspell", "config.toml")


def files(folder: str = ".") -> list[str]:
    """The files that count, the weaker first."""
    project = find(folder)
    users = user_file()
    return [path for path in (users, project) if path is not None and os.path.isfile(path)]


def read(folder: str = ".") -> Config:
    """Raises UserError: not TOML, an unknown key, a value of a wrong type."""
    values: Values = {}
    for _, given in layers(folder):
        values.update(given)
    return Config(values)


def layers(folder: str = ".") -> list[tuple[str, Values]]:
    """What is set where, the weaker first: files by their paths, then ``environment``. Raises UserError."""
    found = [(path, read_file(path)) for path in files(folder)]
    return [*found, ("environment", _from_environment())]


def read_file(path: str) -> Values:
    """The settings of one file. Raises UserError."""
    values, problems = looked_through(path)
    if problems:
        raise UserError(f"{path}: {problems[0]}")
    return values


def looked_through(path: str) -> tuple[Values, list[str]]:
    """The settings of one file, and all that is wrong with them. Raises UserError: not TOML."""
    from llmspell_kernel.toml import parse  # a TOML parser costs as much as the Lua state

    base = os.path.dirname(os.path.abspath(path))
    values: Values = {}
    problems = []
    for key, value in _flat("", parse(path)):
        if key not in SETTINGS:
            problems.append(_not_known(key, value))
            continue
        try:
            values[key] = SETTINGS[key].read(value, base)
        except ValueError as error:
            problems.append(f"{key} must be {error}")
    return values, problems


def _flat(start: str, data: Values) -> list[tuple[str, Any]]:
    """Tables that hold settings are opened, those that are one are not."""
    found: list[tuple[str, Any]] = []
    for name, value in data.items():
        key = start + name
        if isinstance(value, dict) and key not in SETTINGS and any(one.startswith(key + ".") for one in SETTINGS):
            found += _flat(key + ".", value)
        else:
            found.append((key, value))
    return found


def _not_known(name: str, value: Any) -> str:
    if any(key.startswith(name + ".") for key in SETTINGS):
        return f"{name} must be a table, [{name}]"
    return unknown(name)


def unknown(name: str) -> str:
    """What is said of a setting that there is not."""
    from difflib import get_close_matches  # only to explain a mistake

    known = list(SETTINGS) if "." in name else sorted({key.partition(".")[0] for key in SETTINGS})
    near = get_close_matches(name, known, 1)
    section = name.partition(".")[0]
    there = [key for key in known if key.startswith(section + ".")] or known
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(there)}"
    return f"unknown setting {name}; {hint}"


def variable(key: str) -> str:
    """``tools.cache_size_mb`` → ``LLMSPELL_TOOLS_CACHE_SIZE_MB``."""
    return "LLMSPELL_" + key.upper().replace(".", "_").replace("-", "_")


def _from_environment() -> Values:
    if not any(name.startswith("LLMSPELL_") for name in os.environ):
        return {}
    values = {}
    for key, setting in SETTINGS.items():
        text = os.environ.get(variable(key))
        if text and key not in TABLES:
            try:
                values[key] = setting.read(_of_text(text, setting), os.getcwd())
            except ValueError as error:
                raise UserError(f"{variable(key)} must be {error}") from None
    allowed = os.environ.get("LLMSPELL_ALLOWED_PATHS")  # its first name
    if allowed:
        values["tools.allowed_paths"] = tuple(part for part in allowed.split(os.pathsep) if part)
    return values


def _of_text(text: str, setting: Setting) -> Any:
    """What TOML would have given."""
    if setting.read is _paths:
        return [part for part in text.split(os.pathsep) if part]
    if setting.read is _texts:
        return [part.strip() for part in text.split(",") if part.strip()]
    if setting.read is _flag:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if setting.read in (_positive, _count, _natural, _port):
        try:
            return int(text) if text.isdigit() else float(text)
        except ValueError:
            return text
    return text
