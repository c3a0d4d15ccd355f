"""What makes a function a tool: the words that tool authors use. Any thread.

    @tool(category="text", pure=True, examples=[Example("Say it", {"text": "hello"}, text="HELLO")])
    def shout(text: str) -> str:
        \"""Say it louder.

        Args:
            text: What to say.
        \"""
        return text.upper()

The function stays what it is; what was said of it is in its attribute ``about``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from llmspell_kernel.tools.stage import Stage

Level = Literal["safe", "restricted", "privileged"]
LEVELS: tuple[Level, ...] = ("safe", "restricted", "privileged")
# Where a call runs. here: on the caller's thread, for what ends soon by its own limits; thread: on a worker
# thread, for what waits; process: in a worker process, for what computes long or in C.
Runs = Literal["here", "thread", "process"]
Function = TypeVar("Function", bound=Callable[..., Any])


class Result(NamedTuple):
    """What a tool may return to choose the text that people read."""

    value: Any
    text: str
    message: str | None = None


class Example(NamedTuple):
    """A call that works, and what it gives: `tool test` runs it.

    ``text`` is the whole text of the result. ``result``: of a table the fields named here are compared, all else
    whole. ``error``: the code of the error. In texts of the parameters and of what is expected, ``{folder}`` stands for
    a folder with a few files and ``{http}`` for the address of a web server (stage.py).
    """

    title: str
    parameters: Mapping[str, Any]
    text: str | None = None
    result: Any = None
    error: str | None = None


class About(NamedTuple):
    """What is known of a tool besides its function.

    ``pure``: the same parameters give the same result, and nothing else happens (it may be cached). ``extra``: what
    ``pip install 'llmspell[…]'`` brings what it needs; ``needs``: the modules that show whether it is there.
    ``aliases``: other names of parameters. ``version``: changed with what it gives, so that no old result is taken
    from a cache. ``prepare``: makes what its examples need.
    """

    category: str = "user"
    level: Level = "safe"
    pure: bool = False
    runs: Runs = "thread"
    extra: str = ""
    needs: Sequence[str] = ()
    aliases: Mapping[str, str] = {}
    examples: Sequence[Example] = ()
    version: str = "1"
    name: str = ""
    prepare: Callable[[Stage], None] | None = None


def tool(
    *,
    name: str = "",
    category: str = "user",
    level: Level = "safe",
    pure: bool = False,
    runs: Runs = "thread",
    extra: str = "",
    needs: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
    examples: Sequence[Example] = (),
    version: str = "1",
    prepare: Callable[[Stage], None] | None = None,
) -> Callable[[Function], Function]:
    """Say what is known of a tool; see `About`."""
    said = About(
        category, level, pure, runs, extra, tuple(needs), dict(aliases or {}), tuple(examples), version, name, prepare
    )  # fmt: skip

    def mark(function: Function) -> Function:
        function.about = said  # type: ignore[attr-defined]
        return function

    return mark


def about(function: Callable[..., Any]) -> About:
    """What was said of a function; of any other function, the usual."""
    said = getattr(function, "about", None)
    return said if isinstance(said, About) else About()
