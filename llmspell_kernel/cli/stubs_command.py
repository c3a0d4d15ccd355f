"""``llmspell stubs``."""

from __future__ import annotations

import click


@click.command("stubs")
@click.argument("folder", default="-", type=click.Path(file_okay=False, allow_dash=True))
def command(folder: str) -> int:
    """Write annotations (LuaCATS) of llmspell's globals and tools for lua-language-server.

    Into FOLDER, which `Lua.workspace.library` of that server should name; without one, all to stdout.
    """
    import os

    from llmspell_kernel.errors import UserError
    from llmspell_kernel.language.project_tools import WithProject
    from llmspell_kernel.language.stubs import stubs

    tools = WithProject()
    tools.use([os.getcwd()])
    files = stubs(tools)
    if folder == "-":
        click.echo("\n".join(files.values()), nl=False)
        return 0
    try:
        os.makedirs(folder, exist_ok=True)
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {(error.strerror or str(error)).lower()}") from error
    click.echo(f"wrote {', '.join(files)} to {folder}")
    return 0
