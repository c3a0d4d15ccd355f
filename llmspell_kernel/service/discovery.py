"""Which kernels there are on this machine: their connection files tell, nothing else is kept. Any thread.

A file of ours names the process (its number and birth), the host and the id. A file whose process is gone was left by
a kernel that was killed; it is removed by whoever notices. Files that Jupyter has written name no process: such a
kernel is asked (asking.py).
"""

from __future__ import annotations

import json
import os
import shlex
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter.connection import Connection, runtime_folder, write_connection
from llmspell_kernel.service.birth import birth

Json = dict[str, Any]
START, END = "kernel-", ".json"
LONGEST = 100  # id


class Kernel(NamedTuple):
    """What its connection file says, and whether its process lives; None: the file does not tell."""

    path: str
    id: str
    told: Json
    alive: bool | None

    @property
    def pid(self) -> int | None:
        pid = self.told.get("pid")
        return pid if type(pid) is int and pid > 0 else None

    @property
    def is_stale(self) -> bool:
        return self.alive is False


def path_of(id: str) -> str:
    return os.path.join(runtime_folder(), START + id + END)


def id_of(path: str) -> str:
    """What a kernel is called whose file has no id in it."""
    return os.path.basename(path).removeprefix(START).removesuffix(END)


def new_id() -> str:
    return os.urandom(4).hex()


def log_file_of(id: str) -> str:
    """Where a daemon writes its log, unless told otherwise."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser(os.path.join("~", ".local", "state"))
    return os.path.join(state, "llmspell", "kernels", f"{id}.log")


def checked_id(id: str) -> str:
    """Raises UserError: it could not be part of a file's name."""
    if not id or len(id) > LONGEST or id[0] in ".-" or not all(map(_fits, id)):
        raise UserError(f"a kernel's id has letters, digits, -, _ and . only (and begins with none of - .), not {id!r}")
    return id


def _fits(one: str) -> bool:
    return one.isascii() and (one.isalnum() or one in "-_.")


def fitting_id(name: str) -> str:
    """Made of the name of a file, which may be any."""
    return "".join(one if _fits(one) else "_" for one in name)[:LONGEST].lstrip(".-") or new_id()


def read(path: str) -> Kernel | None:
    """None: there is no such file, or it is no connection file."""
    try:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or "shell_port" not in told:
        return None
    id = told.get("kernel_id")
    return Kernel(path, id if isinstance(id, str) else id_of(path), told, _alive(told))


def _alive(told: Json) -> bool | None:
    pid = told.get("pid")
    if type(pid) is not int or told.get("host") != socket.gethostname():
        return None
    return birth(pid) == told.get("born")


def every() -> list[Kernel]:
    """All that have a file in the runtime folder, in the order of their ids; stale ones too."""
    folder = runtime_folder()
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = [read(os.path.join(folder, name)) for name in names if name.startswith(START) and name.endswith(END)]
    return [kernel for kernel in found if kernel is not None]


def find(name: str) -> Kernel:
    """A kernel by its id, a beginning of it, or its connection file. Raises UserError."""
    if os.sep in name or name.endswith(END):
        kernel = read(name)
        if kernel is None:
            why = "" if os.path.exists(name) else ": there is no such file"
            raise UserError(f"{name} is no connection file of a kernel{why}")
        return kernel
    kernels = every()
    fitting = [one for one in kernels if one.id == name] or [one for one in kernels if name and one.id.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UserError(f"several kernels begin with {name!r}: {', '.join(one.id for one in fitting)}")
    there = ", ".join(one.id for one in kernels)
    hint = f"there {'is' if len(kernels) == 1 else 'are'} {there}" if there else "none is running"
    raise UserError(f"no kernel has the id {name!r}; {hint}")


def about_us(id: str) -> Json:
    """What our own file says of us."""
    pid = os.getpid()
    return {"kernel_id": id, "pid": pid, "born": birth(pid), "host": socket.gethostname(), "cwd": os.getcwd()}


def claim(path: str, connection: Connection, about: Json) -> None:
    """Write our connection file. Raises UserError: a kernel that lives has written it."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write the connection file {path}: {error.strerror or error}") from error
    with _alone(path):
        check_free(path)
        write_connection(path, connection, **about)


def check_free(path: str) -> None:
    """Raises UserError: a kernel that lives has this file."""
    holder = read(path)
    if holder is not None and holder.alive:
        which = holder.id if os.path.abspath(path) == os.path.abspath(path_of(holder.id)) else path
        raise UserError(
            f"kernel {holder.id} is running already (process {holder.pid}); "
            f"choose another id or file, or end it: llmspell kernel stop {shlex.quote(which)}"
        )


def clean(kernel: Kernel) -> None:
    """Remove the file of a kernel that is gone, unless another has taken its place meanwhile."""
    with _alone(kernel.path):
        now = read(kernel.path)
        if now is not None and now.is_stale:
            _remove(kernel.path)


def leave(path: str) -> None:
    """Remove our own file; not one of somebody who has taken it over."""
    kernel = read(path)
    if kernel is not None and kernel.pid in (None, os.getpid()):
        _remove(path)


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except FileNotFoundError:  # whoever has started it was faster
        return


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """Nobody else claims or cleans in this folder meanwhile. The lock ends with its holder, however that ends."""
    try:
        import fcntl
    except ImportError:  # Windows: ids that are given twice within a millisecond are not noticed there
        yield
        return
    descriptor = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
