"""file_operations: files inside the allowed folders. Any thread.

Every path goes through the sandbox (files.py). Texts keep their bytes: what is not UTF-8 makes the round trip. A file
is replaced in one step, so a reader never sees half of it.
"""

from __future__ import annotations

import base64
import binascii
import errno
import fnmatch
import os
import stat
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.sandbox import files
from llmspell_kernel.tools.sandbox.policy import too_large
from llmspell_kernel.tools.spec import Example, Result, tool

Operation = Literal[
    "read", "write", "append", "list", "exists", "info", "mkdir", "copy", "move", "delete", "find",
    "create_dir", "list_dir", "metadata",
]  # fmt: skip
SAME = {"create_dir": "mkdir", "list_dir": "list", "metadata": "info"}
Encoding = Literal["text", "base64"]
MAX_FOUND = 10_000


@tool(
    category="filesystem",
    level="privileged",
    aliases={"source_path": "path", "target_path": "to"},
    examples=[
        Example("Read a file", {"operation": "read", "path": "{folder}/hello.txt"}, text="Hello, world!\n"),
        Example(
            "Write one",
            {"operation": "write", "path": "{folder}/new.txt", "input": "new"},
            result={"path": "{folder}/new.txt", "bytes": 3},
        ),
        Example(
            "Write bytes that are no text",
            {"operation": "write", "path": "{folder}/pixel.bin", "input": "AP8Q", "encoding": "base64"},
            result={"bytes": 3},
        ),
        Example(
            "Copy a file",
            {"operation": "copy", "source_path": "{folder}/hello.txt", "target_path": "{folder}/copy.txt"},
            result={"to": "{folder}/copy.txt"},
        ),
        Example("Stay inside", {"operation": "read", "path": "{folder}/../../etc/passwd"}, error="not_allowed"),
    ],
)
def file_operations(
    call: Call,
    operation: Operation,
    path: str,
    input: str | None = None,
    to: str | None = None,
    pattern: str = "*",
    recursive: bool = False,
    encoding: Encoding = "text",
) -> Result:
    """Read, write and manage files in the allowed folders.

    Args:
        operation: What to do.
        path: The file or folder.
        input: What to write (write, append).
        to: Where to (copy, move).
        pattern: Which names to find or list, as *.txt.
        recursive: Whether a folder is deleted, listed or searched with all that is in it.
        encoding: How the content is given (read, write, append): as a text or, for any bytes, as base64.
    """
    done = SAME.get(operation, operation)
    with files.told(operation, path):
        if done in ("copy", "move"):
            return _transfer(call, done, path, to)
        if done in ("write", "append"):
            return _write(call, done, path, _bytes(done, input, encoding))
        if done in ("list", "find"):
            return _list(call, path, pattern, recursive or done == "find")
        if done == "read":
            return _read(call, path, encoding)
        if done == "delete":
            return _delete(call, path, recursive)
        simple: dict[str, Callable[[Call, str], Result]] = {"exists": _exists, "info": _info, "mkdir": _mkdir}
        return simple[done](call, path)


def _read(call: Call, path: str, encoding: Encoding) -> Result:
    raw = call.policy.read(path)
    text = base64.b64encode(raw).decode() if encoding == "base64" else raw.decode("utf-8", "surrogateescape")
    return Result(text, text)


def _bytes(operation: str, text: str | None, encoding: Encoding) -> bytes:
    if text is None:
        raise ToolError(f"{operation} needs `input`", code="invalid_parameters")
    try:
        return (
            base64.b64decode(text, validate=True) if encoding == "base64" else text.encode("utf-8", "surrogateescape")
        )
    except binascii.Error as error:
        raise ToolError(f"`input` is not base64: {error}", code="invalid_parameters") from error
    except UnicodeEncodeError as error:
        raise ToolError("`input` is no text: it has half of a surrogate pair", code="invalid_parameters") from error


def _write(call: Call, operation: str, path: str, data: bytes) -> Result:
    if len(data) > call.policy.max_file_bytes:
        raise too_large("`input`", len(data), call.policy.max_file_bytes)
    with call.policy.place(path) as place:
        if operation == "append":
            with os.fdopen(place.folder.open(place.name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as file:
                file.write(data)
        else:
            with files.replacing(place) as file:
                file.write(data)
        return Result({"path": place.path, "bytes": len(data)}, f"{len(data)} bytes to {place.path}")


def _exists(call: Call, path: str) -> Result:
    try:
        with call.policy.place(path) as place:
            there = place.status() is not None
    except (FileNotFoundError, NotADirectoryError):
        there = False
    return Result(there, "true" if there else "false")


def _info(call: Call, path: str) -> Result:
    with call.policy.place(path) as place:
        status = place.folder.status(place.name)
        kind = "folder" if stat.S_ISDIR(status.st_mode) else "file" if stat.S_ISREG(status.st_mode) else "special"
        fields = {
            "path": place.path, "type": kind, "size": status.st_size, "modified": status.st_mtime,
            "accessed": status.st_atime, "modified_at": _time(status.st_mtime),
            "permissions": stat.filemode(status.st_mode), "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        }  # fmt: skip
    return Result(fields, f"{kind} of {status.st_size} bytes")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def _mkdir(call: Call, path: str) -> Result:
    with call.policy.place(path, make=True) as place:
        if not place.is_folder():
            place.folder.make(place.name)
        return Result({"path": place.path}, place.path)


def _transfer(call: Call, operation: str, path: str, to: str | None) -> Result:
    if to is None:
        raise ToolError(f"{operation} needs `to`", code="invalid_parameters")
    move = operation == "move"
    with call.policy.place(path, entry=move) as source:
        status = source.folder.status(source.name)
        with _target(call, source, to, into=move or not stat.S_ISDIR(status.st_mode)) as target:
            told = {"path": source.path, "to": target.path}
            if (target.path + os.sep).startswith(source.path + os.sep):
                raise ToolError(f"{path} can't be put into itself, {target.path}", code="invalid_parameters")
            if move:
                _refuse_root(call, source.path, "moved")
                _move(call, source, target)
            else:
                files.copy_tree(source, target, call.check)
    return Result(told, told["to"])


def _target(call: Call, source: files.Place, to: str, into: bool) -> files.Place:
    """Where it goes: into a folder that is there, under its own name; what is there is no link out of it."""
    target = call.policy.place(to)
    if into and target.is_folder():
        with target:
            return call.policy.place(os.path.join(target.path, source.name))
    return target


def _move(call: Call, source: files.Place, target: files.Place) -> None:
    try:
        source.folder.rename(source.name, target.folder, target.name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        files.copy_tree(source, target, call.check)  # to another file system
        files.remove_tree(source.folder, source.name)


def _list(call: Call, path: str, pattern: str, recursive: bool) -> Result:
    found: list[str] = []
    wanted = pattern.split("/") if "/" in pattern else ["**", pattern]
    with call.policy.place(path) as place:
        place.folder.status(place.name)  # there is nothing at all?
        with place.folder.inner(place.name) as folder:
            for one in files.walk(folder, depth=files.MAX_DEPTH if recursive or "/" in pattern else 0):
                call.check()
                if _fits(one.path.split(os.sep), wanted):
                    found.append(one.path)
                if len(found) > MAX_FOUND:
                    raise ToolError(f"more than {MAX_FOUND} names; give a `pattern`")
    found.sort(key=lambda name: (os.path.dirname(name).split(os.sep), name))
    return Result(found, "\n".join(found))


def _fits(names: list[str], pattern: list[str]) -> bool:
    """``**`` stands for any folders, or none."""
    if not pattern or not names:
        return not pattern and not names
    if pattern[0] == "**":
        return _fits(names, pattern[1:]) or _fits(names[1:], pattern)
    return fnmatch.fnmatch(names[0], pattern[0]) and _fits(names[1:], pattern[1:])


def _delete(call: Call, path: str, recursive: bool) -> Result:
    with call.policy.place(path, entry=True) as place:
        _refuse_root(call, place.path, "deleted")
        if not place.is_folder():
            place.folder.remove(place.name)
        elif recursive:
            files.remove_tree(place.folder, place.name)
        else:
            place.folder.remove_folder(place.name)
        return Result({"path": place.path}, place.path)


def _refuse_root(call: Call, path: str, done: str) -> None:
    """Else another folder, or a link, could be put in the place of what is allowed."""
    if any((root + os.sep).startswith(path.rstrip(os.sep) + os.sep) for root in call.policy.roots()):
        raise ToolError(
            f"{path} is an allowed folder itself, or holds one, and is not {done}",
            code="not_allowed",
            details={"rule": "tools.allowed_paths", "path": path},
        )
