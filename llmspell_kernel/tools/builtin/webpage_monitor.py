"""webpage_monitor: whether a page is another than it was. In a process of its own: pages may be hostile."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator

from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.network.http import MAX_BYTES, fetch
from llmspell_kernel.tools.network.pages import page_of, tidy
from llmspell_kernel.tools.spec import Example, Result, tool

MAX_LINES = 5000  # comparing costs the square of it, at worst


@tool(
    category="web",
    level="restricted",
    runs="process",
    extra="web",
    needs=("selectolax",),
    aliases={"url": "input"},
    examples=[
        Example(
            "The first look", {"input": "{http}/", "selector": "h1"}, result={"changed": None, "content": "Welcome"}
        ),
        Example(
            "Something is new",
            {"input": "{http}/", "previous_content": "Welcome\nAbout"},
            result={"changed": True, "added": ["Hello from loopback."], "removed": []},
        ),
        Example(
            "Nothing is",
            {"input": "{http}/", "selector": "h1", "previous_content": " Welcome "},
            text="not changed",
            result={"changed": False},
        ),
    ],
)
def webpage_monitor(
    call: Call,
    input: str,
    previous_content: str | None = None,
    selector: str | None = None,
    ignore_whitespace: bool = True,
    timeout: float = 30,
    max_bytes: int = MAX_BYTES,
) -> Result:
    """Compare a page with what it said before.

    Args:
        input: The address of the page.
        previous_content: What it said: the content of an earlier result.
        selector: A CSS selector of the part that counts.
        ignore_whitespace: Whether blanks and empty lines don't count.
        timeout: Seconds that fetching may take.
        max_bytes: How long the page may be.
    """
    answer = fetch(call, "GET", input, seconds=timeout, max_bytes=max_bytes)
    page = page_of(answer)
    content = page.text() if selector is None else "\n".join(page.select(selector))
    value = {
        "url": answer.url,
        "content": content,
        "hash": hashlib.sha256(content.encode("utf-8", "replace")).hexdigest(),
    }
    if previous_content is None:
        return Result({**value, "changed": None}, content)
    before, after = (list(_lines(one, ignore_whitespace)) for one in (previous_content, content))
    if before == after:
        return Result({**value, "changed": False, "added": [], "removed": [], "diff": ""}, "not changed")
    diff = _diff(before, after)
    added = [line[1:] for line in diff if line.startswith("+")]
    removed = [line[1:] for line in diff if line.startswith("-")]
    text = "\n".join(diff)
    return Result({**value, "changed": True, "added": added, "removed": removed, "diff": text}, text)


def _lines(text: str, tidied: bool) -> Iterator[str]:
    for line in text.splitlines():
        line = tidy(line) if tidied else line
        if line or not tidied:
            yield line


def _diff(before: list[str], after: list[str]) -> list[str]:
    if len(before) + len(after) > MAX_LINES:
        gone, come = set(before) - set(after), set(after) - set(before)
        return [*(f"-{one}" for one in before if one in gone), *(f"+{one}" for one in after if one in come)]
    return list(difflib.unified_diff(before, after, "before", "after", lineterm="", n=1))[2:]
