"""file_operations: files inside the allowed folders. Any thread.

Every path goes through the policy, which follows links first. Texts keep their bytes: what is not
UTF-8 makes the round trip. A file is replaced in one step, so a reader never sees half of it.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Literal

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.call import Call
from llmspell_kernel.tools.policy import Policy, require_regular
from llmspell_kernel.tools.spec import Example, Result, tool

Operation = Literal["read", "write", "append", "list", "exists", "info", "mkdir", "copy", "move", "delete", "find"]
MAX_FOUND = 10_000


@tool(
    category="filesystem",
    level="privileged",
    examples=[
        Example("Read a file", {"operation": "read", "path": "{folder}/hello.txt"}, text="Hello, world!\n"),
        Example(
            "Write one",
            {"operation": "write", "path": "{folder}/new.txt", "input": "new"},
            result={"path": "{folder}/new.txt", "bytes": 3},
        ),
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
) -> Result:
    """Read, write and manage files in the allowed folders.

    Args:
        operation: What to do.
        path: The file or folder.
        input: What to write (write, append).
        to: Where to (copy, move).
        pattern: Which names to find or list, as *.txt.
        recursive: Whether a folder is deleted, listed or searched with all that is in it.
    """
    policy = call.policy
    try:
        resolve = policy.resolve_entry if operation in ("delete", "move") else policy.resolve
        return _Files(policy).do(operation, resolve(path), input, to, pattern, recursive)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ToolError(f"{operation} {path}: {reason}", details={"path": path}) from error


class _Files:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def do(
        self,
        operation: str,
        path: str,
        data: str | None,
        to: str | None,
        pattern: str,
        recursive: bool,
    ) -> Result:
        if operation in ("write", "append"):
            return self._write(operation, path, data)
        if operation in ("copy", "move"):
            return self._transfer(operation, path, to)
        if operation in ("list", "find"):
            return self._list(path, pattern, recursive or operation == "find")
        if operation == "delete":
            return self._delete(path, recursive)
        simple: dict[str, Callable[[str], Result]] = {
            "read": self._read, "exists": self._exists, "info": self._info, "mkdir": self._mkdir,
        }  # fmt: skip
        return simple[operation](path)

    def _read(self, path: str) -> Result:
        require_regular(path)
        size = os.path.getsize(path)
        if size > self._policy.max_file_bytes:
            raise ToolError(f"{path} has {size} bytes; at most {self._policy.max_file_bytes} are read")
        with open(path, "rb") as file:
            text = file.read(self._policy.max_file_bytes).decode("utf-8", "surrogateescape")
        return Result(text, text)

    def _exists(self, path: str) -> Result:
        there = os.path.exists(path)
        return Result(there, "true" if there else "false")

    def _info(self, path: str) -> Result:
        status = os.stat(path)
        kind = "folder" if os.path.isdir(path) else "file" if os.path.isfile(path) else "special"
        fields = {"path": path, "type": kind, "size": status.st_size, "modified": status.st_mtime}
        return Result(fields, f"{kind} of {status.st_size} bytes")

    def _mkdir(self, path: str) -> Result:
        os.makedirs(path, exist_ok=True)
        return Result({"path": path}, path)

    def _write(self, operation: str, path: str, data: str | None) -> Result:
        if data is None:
            raise ToolError(f"{operation} needs `input`", code="invalid_parameters")
        raw = data.encode("utf-8", "surrogateescape")
        if len(raw) > self._policy.max_file_bytes:
            raise ToolError(f"at most {self._policy.max_file_bytes} bytes are written")
        require_regular(path)
        if operation == "append":
            with open(path, "ab") as file:
                file.write(raw)
        else:
            replace_file(path, raw)
        return Result({"path": path, "bytes": len(raw)}, f"{len(raw)} bytes to {path}")

    def _transfer(self, operation: str, path: str, to: str | None) -> Result:
        if to is None:
            raise ToolError(f"{operation} needs `to`", code="invalid_parameters")
        target = self._policy.resolve(to)
        if os.path.isdir(target) and (operation == "move" or not os.path.isdir(path)):  # into it; no link there
            target = self._policy.resolve(os.path.join(target, os.path.basename(path)))
        if operation == "move":
            shutil.move(path, target)
        elif os.path.isdir(path):
            shutil.copytree(path, target, symlinks=True)
        else:
            shutil.copy2(path, target)
        return Result({"path": path, "to": target}, target)

    def _list(self, path: str, pattern: str, recursive: bool) -> Result:
        if not os.path.isdir(path):
            os.stat(path)  # there is nothing at all?
            raise NotADirectoryError(20, "not a folder", path)
        found: list[str] = []
        for folder, folders, files in os.walk(path):
            folders.sort()
            names = sorted(fnmatch.filter([*folders, *files], pattern))
            found += [os.path.relpath(os.path.join(folder, name), path) for name in names]
            if len(found) > MAX_FOUND:
                raise ToolError(f"more than {MAX_FOUND} names; give a `pattern`")
            if not recursive:
                break
        return Result(found, "\n".join(found))

    def _delete(self, path: str, recursive: bool) -> Result:
        if path in self._policy.roots():
            raise ToolError(f"{path} is an allowed folder itself and is not deleted", code="not_allowed")
        if os.path.islink(path) or not os.path.isdir(path):
            os.remove(path)
        elif recursive:
            shutil.rmtree(path)
        else:
            os.rmdir(path)
        return Result({"path": path}, path)


def replace_file(path: str, data: bytes) -> None:
    """Write a file so that it is there whole or not at all; an existing one keeps its mode."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".llmspell-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mode = os.stat(path).st_mode if os.path.exists(path) else 0o666 & ~_umask()
        os.chmod(temporary, mode & 0o7777)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
