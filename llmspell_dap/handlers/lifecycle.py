"""initialize, launch … disconnect: the life of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell_dap.actions import OpenTerminal
from llmspell_dap.context import client_of, mappings_of
from llmspell_dap.handlers.breakpoints import arm_more_exceptions
from llmspell_dap.protocol import Arguments, Json
from llmspell_dap.registry import ALIVE, ALWAYS, CAPABILITIES, LATER, State, request
from llmspell_kernel.debug.model import RUNTIMES, ProgramOptions
from llmspell_kernel.errors import UserError

if TYPE_CHECKING:
    from llmspell_dap.session import Session

CONSOLES = ("internalConsole", "integratedTerminal", "externalTerminal")
BEFORE_LAUNCH = frozenset({State.READY, State.CONFIGURED})
BEFORE_CONFIGURATION = frozenset({State.READY, State.LOADED})
CONFIGURABLE = BEFORE_CONFIGURATION | ALIVE
RESTARTABLE = ALIVE | {State.ENDED}


@request("initialize", frozenset({State.NEW}))
def initialize(session: Session, arguments: Arguments) -> Json:
    session.client = client_of(arguments)
    session.move("initialize")
    session.event("initialized")
    return dict(CAPABILITIES)


@request("launch", BEFORE_LAUNCH)
def launch(session: Session, arguments: Arguments) -> Any:
    if session.launching is not None:
        raise UserError("launch: a program is being launched already")
    console = console_of(arguments)
    session.client = session.client._replace(mappings=mappings_of(arguments))
    session.options = program_options(arguments, session.client.path_in)
    arm_more_exceptions(session, arguments)
    session.console, session.launching = console, session.current
    if console == "internalConsole" or session.has_terminal:
        session.launch()
    elif not session.client.run_in_terminal:
        session.launching = None
        raise UserError(f'launch: this client opens no terminals; use "console": "{CONSOLES[0]}"')
    else:
        session.act(OpenTerminal(console.removesuffix("Terminal")))
    return LATER


@request("attach", BEFORE_LAUNCH)
def attach(session: Session, arguments: Arguments) -> None:
    if session.attach is None:
        raise UserError("attach: this adapter runs the program itself; use a launch configuration")
    session.debugger.just_my_code(just_my_code_of(arguments))
    session.attach()
    session.attached = True
    session.move("attached")
    session.event("process", {"name": "llmspell kernel", "isLocalProcess": True, "startMethod": "attach"})


@request("configurationDone", CONFIGURABLE, supportsConfigurationDoneRequest=True)
def configuration_done(session: Session, arguments: Arguments) -> None:
    if session.attached:
        return
    if session.state not in BEFORE_CONFIGURATION:
        raise UserError(f"configurationDone can't be done now (the session is {session.state.value})")
    session.move("configured")
    session.started_if_ready()


@request("restart", RESTARTABLE, supportsRestartRequest=True)
def restart(session: Session, arguments: Arguments) -> Any:
    if session.attached:
        raise UserError("restart: the program is a kernel, which its own clients restart")
    new = arguments.object("arguments")
    if new.values:
        if (console := console_of(new)) != session.console:
            raise UserError(
                f'restart: the program was launched with "console": "{session.console}" and keeps it; '
                f'stop the session and launch it anew for "{console}"'
            )
        session.options = program_options(new, session.client.path_in)
    if session.state is State.ENDED:
        session.relaunch(session.current)
    elif session.restarting is not None:
        raise UserError("restart: the program is being restarted already")
    else:
        session.restarting = session.current
        session.debugger.terminate()
    return LATER


@request("terminate", supportsTerminateRequest=True)
def terminate(session: Session, arguments: Arguments) -> None:
    session.terminate()


@request("disconnect", ALWAYS | {State.NEW}, supportTerminateDebuggee=True)
def disconnect(session: Session, arguments: Arguments) -> None:
    terminate = arguments.flag("terminateDebuggee", not session.attached)
    if session.attached and terminate:
        session.debugger.terminate()  # what runs there; what it is attached to lives on
    session.close(terminate)


@request("cancel", supportsCancelRequest=True)
def cancel(session: Session, arguments: Arguments) -> None:
    seq = arguments.maybe_number("requestId")
    if seq is not None:
        session.cancel(seq)


def console_of(arguments: Arguments) -> str:
    console = arguments.text("console", CONSOLES[0])
    if console not in CONSOLES:
        raise UserError(f"{arguments.where}: `console` is one of {', '.join(CONSOLES)}, not {console!r}")
    return console


def runtime_of(arguments: Arguments) -> str | None:
    runtime = arguments.maybe_text("runtime")
    if runtime is not None and runtime not in RUNTIMES:
        raise UserError(f"{arguments.where}: `runtime` is one of {', '.join(RUNTIMES)}, not {runtime!r}")
    return runtime


def just_my_code_of(arguments: Arguments) -> bool:
    return arguments.flag("justMyCode", True)


def program_options(arguments: Arguments, path_in: Any) -> ProgramOptions:
    """The launch configuration. Raises UserError for what is missing or of a wrong type."""
    env = arguments.object("env")
    variables = {name: env.maybe_path(name) for name in env.values}
    for name in variables:
        if not name or not name.isprintable() or "=" in name:
            raise UserError(f"launch: env: {name!r} is no name of a variable")
    program, cwd = arguments.maybe_path("program"), arguments.maybe_path("cwd")
    memory, seconds = arguments.maybe_amount("memory"), arguments.maybe_amount("timeout")
    return ProgramOptions(
        path=path_in(arguments.needed("program", program or None)),
        args=tuple(arguments.texts("args")),
        cwd=cwd,
        env=tuple(variables.items()),
        lua_path=tuple(arguments.texts("luaPath")),
        stop_on_entry=arguments.flag("stopOnEntry"),
        debug=not arguments.flag("noDebug"),
        capture=console_of(arguments) == CONSOLES[0],
        safe=arguments.flag("safe"),
        memory_mb=memory,
        seconds=seconds,
        runtime=runtime_of(arguments),
        just_my_code=just_my_code_of(arguments),
    )
