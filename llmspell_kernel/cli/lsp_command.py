"""``llmspell lsp``."""

from __future__ import annotations

import socket

import click


@click.command("lsp")
@click.option("--listen", metavar="[HOST:]PORT", help="Listen on TCP; port 0 chooses one and prints it.")
@click.option("--allow-remote", is_flag=True, help="Let HOST be an address that other machines can reach.")
@click.option("--stdio", is_flag=True, help="Speak on stdin and stdout: the default; editors like to say it.")
def command(listen: str | None, allow_remote: bool, stdio: bool) -> int:
    """Serve the Language Server Protocol to editors.

    It knows tools, their parameters and llmspell's globals, and does what a Lua server does otherwise.
    """
    if listen is not None and stdio:
        raise click.UsageError("--listen and --stdio exclude each other")
    listener = None if listen is None else _listening(listen, allow_remote)
    _import_protocol()
    from llmspell_kernel.cli.kernel.names import RunningKernels
    from llmspell_kernel.language.server import serving

    kernels = RunningKernels()
    return serving.serve_stdio(kernels) if listener is None else serving.serve_tcp(listener, kernels)


def _import_protocol() -> None:
    """In 250 ms rather than 350: attrs makes some 550 classes of LSP's, each with a ``__repr__`` that nobody reads, and
    the garbage collector looks through them four times (it is switched on again before the server serves)."""
    import gc
    from functools import partial

    import attrs

    gc.disable()
    define = attrs.define
    attrs.define = partial(define, repr=False)
    try:
        import lsprotocol.types  # noqa: F401
    finally:
        attrs.define = define


def _listening(address: str, allow_remote: bool) -> socket.socket:
    from llmspell_dap.transports import tcp

    return tcp.listen(*tcp.parse_address(address), allow_remote, "read any Lua file")
