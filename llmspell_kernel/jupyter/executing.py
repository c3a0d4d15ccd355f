"""execute_request: a cell is run, its value is shown, what it does on the way is told. Lua thread only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell_kernel.errors import UserError
from llmspell_kernel.jupyter import asking
from llmspell_kernel.jupyter.cells import Script
from llmspell_kernel.jupyter.media import Failure, bundle_out, failure
from llmspell_kernel.jupyter.messages import BadContent, Content, Json
from llmspell_kernel.lua.runtime import Exit
from llmspell_kernel.lua.values import data, text, to_python

if TYPE_CHECKING:
    from llmspell_kernel.jupyter.kernel import Kernel, Request


class Execution(NamedTuple):
    code: str
    silent: bool
    store: bool
    expressions: Json
    stdin: bool
    stop_on_error: bool
    script: Script | None  # the code is this file's: ours, not Jupyter's


def read_execution(request: Request) -> Execution:
    """Raises BadContent."""
    content = Content(request.message)
    silent = content.flag("silent", False)
    expressions = content.object("user_expressions")
    if not all(isinstance(one, str) for one in expressions.values()):
        raise BadContent("execute_request: `user_expressions` must be strings by name")
    return Execution(
        content.text("code"), silent, content.flag("store_history", True) and not silent, expressions,
        content.flag("allow_stdin", False), content.flag("stop_on_error", True),
        _script(content),
    )  # fmt: skip


def _script(content: Content) -> Script | None:
    script = content.object("script")
    path, args = script.get("path"), script.get("args", [])
    if not script:
        return None
    if not isinstance(path, str) or not isinstance(args, list) or not all(isinstance(one, str) for one in args):
        raise BadContent("execute_request: `script` has a `path`, and its `args` are strings")
    return Script(path, tuple(args))


def execute(request: Request) -> Json:
    kernel = request.kernel
    if kernel.aborting:
        return {"status": "aborted", "execution_count": kernel.count}
    wanted = read_execution(request)
    kernel.count += wanted.store
    if not wanted.silent:
        request.publish("execute_input", {"code": wanted.code, "execution_count": kernel.count})
    kernel.allow_stdin, kernel.muted, kernel.payload = wanted.stdin, wanted.silent, []
    output = None
    try:
        output = _run(kernel, wanted)
        expressions = {name: _value_of(kernel, code) for name, code in wanted.expressions.items()}
        answer: Json = {"status": "ok", "user_expressions": expressions, "payload": kernel.payload}
    except Failure as problem:
        answer = {"status": "error", **problem.content}
        if wanted.stop_on_error and not wanted.silent:  # nobody sees that it has failed
            kernel.cell_failed()
        kernel.tell("error", problem.content)
    finally:
        kernel.streams.flush(everything=True)
        kernel.muted = kernel.allow_stdin = False
        kernel.cells.forget_input()
    if wanted.store:
        kernel.history.add(kernel.count, wanted.code, output)
    return {**answer, "execution_count": kernel.count}


def _run(kernel: Kernel, wanted: Execution) -> str | None:
    """Run the cell and show its value; gives the value's text. Raises Failure."""
    if wanted.script is None and (question := re.fullmatch(asking.QUESTION, wanted.code)):
        _explain(kernel, question[1] or question[2])
        return None
    try:
        if wanted.script is not None:
            kernel.cells.run_script(wanted.code, wanted.script)
            return None
        values = kernel.cells.run(wanted.code, kernel.count if wanted.store else None)
        bundle = _shown(kernel, values)
    except (UserError, Exit) as error:
        raise failure(error, kernel.renamed, wanted.code) from None
    if bundle is None:
        return None
    kernel.tell("execute_result", {"data": bundle, "metadata": {}, "execution_count": kernel.count})
    return str(bundle.get("text/plain", ""))


def _shown(kernel: Kernel, values: list[Any]) -> Json | None:
    """What a cell gave, as a MIME bundle; None for nothing. The program's code may run for it."""
    if not values:
        return None
    if len(values) == 1 and type(values[0]) is int:  # the way that is short
        return {"text/plain": str(values[0])}
    bundle = bundle_out(to_python(kernel.cells.bundle(values)))
    if "text/plain" in bundle:
        bundle["text/plain"] = kernel.renamed(bundle["text/plain"])  # a function tells where it is from
    return bundle


def _value_of(kernel: Kernel, code: str) -> Json:
    try:
        bundle = _shown(kernel, kernel.cells.run(code))
    except (UserError, Exit) as error:
        return {"status": "error", **failure(error, kernel.renamed).content}
    return {"status": "ok", "data": bundle or {}, "metadata": {}}


def _explain(kernel: Kernel, name: str) -> None:
    """``name?``: what is known of a name, in the front end's pager. Raises Failure."""
    found = asking.about(kernel, name.replace(":", "."))
    if found is None:
        raise Failure("NameError", f"there is no {name}", [f"NameError: there is no {name}"])
    kernel.payload.append({"source": "page", "data": found, "start": 0})


def display(kernel: Kernel, bundle: Any, id: Any, updates: bool, metadata: Any) -> tuple[Any, ...]:
    """What Lua's ``display`` calls: true, or false and what is wrong."""
    try:
        content = {
            "data": bundle_out(to_python(bundle)),
            "metadata": {} if metadata is None else _object(to_python(metadata)),
            "transient": {} if id is None else {"display_id": text(id)},
        }
    except UserError as error:
        return False, data(str(error))
    kernel.tell("update_display_data" if updates else "display_data", content)
    return (True,)


def _object(value: Any) -> Json:
    if value and not isinstance(value, dict):
        raise UserError("metadata is a table of names and values")
    return value or {}


def read(kernel: Kernel) -> tuple[Any, ...]:
    """What Lua's io.read calls: false and why there is none, or true, a line (nil at the end of the input), and whether
    there is such an end. Jupyter knows none: ``eof`` and ``ends`` are what our own clients say in an input_reply."""
    if kernel.current is None or not kernel.allow_stdin:
        return False, b"io.read: this client gives no input (its request says allow_stdin: false)"
    kernel.streams.flush(everything=True)
    answer = kernel.ask_for_input("")
    if answer is None:
        return False, b"interrupted"
    value = answer.content.get("value", "")
    line = None if answer.content.get("eof") is True else data(value if isinstance(value, str) else str(value))
    return True, line, line is None or answer.content.get("ends") is True
