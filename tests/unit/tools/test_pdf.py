"""pdf-processor with files that others made: reportlab's, and broken ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.pdf_processor import pdf_processor
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of

LINES = ["The first page: Grüße", "The second page", "The third page", "The fourth page"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pdf")


@pytest.fixture(scope="module")
def tools(folder: Path) -> Iterator[Tools]:
    tools = Tools.standard(Policy((str(folder),)))
    yield tools
    tools.close()


@pytest.fixture(scope="module")
def book(folder: Path) -> str:
    path = str(folder / "book.pdf")
    canvas = Canvas(path, pagesize=(300, 400))
    canvas.setTitle("A book")
    canvas.setAuthor("Ada Lovelace")
    canvas.setKeywords("engines, notes")
    for line in LINES:
        canvas.drawString(40, 350, line)
        canvas.showPage()
    canvas.save()
    return path


def locked(book: str, name: str, algorithm: str, password: str) -> str:
    path = os.path.join(os.path.dirname(book), name)
    writer = PdfWriter(clone_from=book)
    writer.encrypt(password, "owner", algorithm=algorithm)
    writer.write(path)
    return path


def ask(tools: Tools, operation: str, path: str, **parameters: Any) -> Any:
    return tools.call("pdf-processor", {"operation": operation, "input": path, **parameters})["result"]


def refused(tools: Tools, operation: str, path: str, **parameters: Any) -> ToolError:
    return error_of(lambda: ask(tools, operation, path, **parameters))


def test_the_text(tools: Tools, book: str) -> None:
    given = ask(tools, "extract_text", book)
    assert given == {"text": "\n\n".join(LINES), "pages": [1, 2, 3, 4], "page_count": 4}


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"start_page": 3}, [3, 4]),
        ({"end_page": 2}, [1, 2]),
        ({"start_page": 2, "end_page": 99}, [2, 3, 4]),
        ({"pages": "1,3-"}, [1, 3, 4]),
        ({"pages": "-2, 2, 4"}, [1, 2, 4]),
    ],
)
def test_some_pages(tools: Tools, book: str, asked: dict[str, Any], numbers: list[int]) -> None:
    given = ask(tools, "extract_pages", book, **asked)
    assert given["pages"] == [{"page": n, "text": LINES[n - 1]} for n in numbers]
    assert ask(tools, "extract_text", book, **asked)["pages"] == numbers


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"start_page": 5}, "no page 5: the file has 4 pages"),
        ({"start_page": 0}, "no page 0"),
        ({"start_page": 3, "end_page": 2}, "before the first"),
        ({"pages": "1-x"}, "'1-x' is no page"),
        ({"pages": ""}, "is no page"),
        ({"pages": "1", "start_page": 1}, "either pages"),
        ({"target_path": "x.pdf"}, "extract_pages"),
    ],
)
def test_pages_that_are_not_there(tools: Tools, book: str, asked: dict[str, Any], words: str) -> None:
    error = refused(tools, "extract_text", book, **asked)
    assert (error.code, words in str(error)) == ("invalid_parameters", True)


def test_who_wrote_it(tools: Tools, book: str) -> None:
    given = ask(tools, "extract_metadata", book)
    assert (given["title"], given["author"], given["keywords"]) == ("A book", "Ada Lovelace", "engines, notes")
    assert (given["page_count"], given["page_width"], given["page_height"]) == (4, 300, 400)
    assert given["created"][:2] == "20"
    assert given["encrypted"] is False


def test_pages_as_a_file_of_their_own(tools: Tools, book: str, folder: Path) -> None:
    target = str(folder / "some.pdf")
    assert ask(tools, "extract_pages", book, pages="2,4", target_path=target)["path"] == target
    assert [page.extract_text().strip() for page in PdfReader(target).pages] == [LINES[1], LINES[3]]
    assert refused(tools, "extract_pages", book, target_path="/etc/some.pdf").code == "not_allowed"
    assert not [name for name in os.listdir(folder) if name.startswith(".llmspell-")]


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_an_encrypted_file_wants_its_password(tools: Tools, book: str, algorithm: str) -> None:
    path = locked(book, f"{algorithm}.pdf", algorithm, "sesame")
    error = refused(tools, "extract_text", path)
    assert "is encrypted; give its password" in str(error)
    assert "another one" in str(refused(tools, "extract_metadata", path, password="wrong"))
    assert ask(tools, "extract_text", path, password="sesame")["text"].startswith(LINES[0])
    assert ask(tools, "extract_metadata", path, password="sesame")["encrypted"] is True
    opened_by_all = locked(book, f"{algorithm}-open.pdf", algorithm, "")
    assert ask(tools, "extract_text", opened_by_all)["page_count"] == 4


def test_files_that_are_none(tools: Tools, folder: Path, book: str) -> None:
    assert "no such file" in str(refused(tools, "extract_text", str(folder / "none.pdf")))
    assert "directory" in str(refused(tools, "extract_text", str(folder)))
    (folder / "text.pdf").write_text("not a PDF")
    assert "no PDF file" in str(refused(tools, "extract_text", str(folder / "text.pdf")))
    (folder / "empty.pdf").touch()
    assert "no PDF file" in str(refused(tools, "extract_metadata", str(folder / "empty.pdf")))
    os.mkfifo(folder / "pipe.pdf")
    assert "pipe" in str(refused(tools, "extract_text", str(folder / "pipe.pdf")))
    (folder / "away.pdf").symlink_to("/etc/passwd")
    assert refused(tools, "extract_text", str(folder / "away.pdf")).code == "not_allowed"


def test_a_file_that_is_too_large(folder: Path, book: str) -> None:
    with pytest.raises(ToolError, match=r"max_file_mb") as raised:
        pdf_processor(Call(Policy((str(folder),), max_file_bytes=100)), book)
    assert raised.value.details["rule"] == "tools.max_file_mb"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=20), st.sampled_from(["extract_text", "extract_metadata"]))
def test_whatever_is_in_a_file_the_answer_is_a_result_or_a_tool_error(
    folder: Path, book: str, at: int, junk: bytes, operation: Any
) -> None:
    data = Path(book).read_bytes()
    path = folder / "junk.pdf"
    path.write_bytes(data[: at % len(data)] + junk + data[at % len(data) + len(junk) :])
    try:
        assert pdf_processor(Call(Policy((str(folder),))), str(path), operation).text is not None
    except ToolError as error:
        assert str(path) in str(error) or "there is no page" in str(error)
