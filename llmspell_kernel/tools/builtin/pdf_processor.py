"""pdf-processor: texts, facts and pages of PDF files. A worker process, as a page may take long."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Literal

from pypdf import DocumentInformation, PageObject, PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject, NameObject, StreamObject

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.contents.whole_files import opened, written
from llmspell_kernel.tools.spec import Example, Result, tool
from llmspell_kernel.tools.stage import Stage

MAX_TEXT = 10_000_000  # characters of one answer
RANGE = re.compile(r"(\d*)(?:\s*(-)\s*(\d*))?")
DATES = {"created": "creation_date", "modified": "modification_date"}
TEXTS = ("title", "author", "subject", "keywords", "creator", "producer")


def _sample(stage: Stage) -> None:
    """Two pages with a line of text each."""
    writer = PdfWriter()
    writer.add_metadata({"/Title": "A letter", "/Author": "Ada"})
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    fonts = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    for text in ("Hello from page one", "Goodbye from page two"):
        page = writer.add_blank_page(300, 200)
        content = StreamObject()
        content.set_data(f"BT /F1 12 Tf 20 150 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(content)
        resources = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): fonts})})
        page[NameObject("/Resources")] = resources
    writer.write(f"{stage.folder}/letter.pdf")


@tool(
    category="data",
    level="restricted",
    runs="process",
    extra="pdf",
    needs=("pypdf", "cryptography"),
    aliases={"path": "input", "file_path": "input", "output": "target_path"},
    prepare=_sample,
    examples=[
        Example(
            "The text",
            {"input": "{folder}/letter.pdf"},
            text="Hello from page one\n\nGoodbye from page two",
        ),
        Example(
            "From the second page on",
            {"operation": "extract_pages", "input": "{folder}/letter.pdf", "start_page": 2},
            result={"pages": [{"page": 2, "text": "Goodbye from page two"}], "page_count": 2},
        ),
        Example(
            "Who wrote it",
            {"operation": "extract_metadata", "input": "{folder}/letter.pdf"},
            result={"title": "A letter", "author": "Ada", "page_count": 2, "encrypted": False},
        ),
    ],
)
def pdf_processor(
    call: Call,
    input: str,
    operation: Literal["extract_text", "extract_metadata", "extract_pages"] = "extract_text",
    start_page: int | None = None,
    end_page: int | None = None,
    pages: str | None = None,
    password: str | None = None,
    layout: bool = False,
    target_path: str | None = None,
) -> Result:
    """Get the text, the metadata or single pages of a PDF file.

    Args:
        input: The path of the PDF file.
        operation: extract_text: all in one; extract_metadata: title, author, pages …; extract_pages: page by page.
        start_page: The first page, from 1 on.
        end_page: The last page; more than there are is the last one.
        pages: Which pages, as 1-3,5,8-
        password: Opens an encrypted file.
        layout: Whether the text keeps its place on the page (columns, tables).
        target_path: Where to write a PDF file of these pages (extract_pages).
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it forgives is nobody's business
    if target_path is not None and operation != "extract_pages":
        raise ToolError("target_path is for extract_pages", code="invalid_parameters")
    with opened(call, input) as file, _reading(input):
        reader = _unlocked(file, input, password)
        if operation == "extract_metadata":
            return _metadata(reader)
        wanted = _wanted(len(reader.pages), start_page, end_page, pages)
        if target_path is not None:
            return _write(call, reader, wanted, target_path)
        texts = list(_texts(call, reader, wanted, layout))
    if operation == "extract_text":
        text = "\n\n".join(texts)
        return Result({"text": text, "pages": wanted, "page_count": len(reader.pages)}, text)
    found = [{"page": number, "text": text} for number, text in zip(wanted, texts, strict=True)]
    return Result(
        {"pages": found, "page_count": len(reader.pages)},
        "\n\n".join(f"Page {one['page']}:\n{one['text']}" for one in found),
    )


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """A broken file fails in any place of pypdf, with any error."""
    try:
        yield
    except (ToolError, MemoryError):
        raise
    except RecursionError as error:
        raise ToolError(f"{path} can't be read: its objects contain themselves") from error
    except Exception as error:
        reason = str(error) if isinstance(error, PyPdfError) else f"{type(error).__name__}: {error}"
        raise ToolError(f"{path} is no PDF file, or a broken one: {reason.rstrip('.')}") from error


def _unlocked(file: BinaryIO, path: str, password: str | None) -> PdfReader:
    reader = PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(password or ""):
        what = "its password is another one" if password else "give its password"
        raise ToolError(f"{path} is encrypted; {what}", details={"encrypted": True})
    return reader


def _metadata(reader: PdfReader) -> Result:
    about: DocumentInformation | None = reader.metadata
    facts: dict[str, Any] = {"page_count": len(reader.pages)}
    facts |= {name: _text(about, name) for name in TEXTS}
    facts |= {name: _date(about, attribute) for name, attribute in DATES.items()}
    facts = {name: value for name, value in facts.items() if value is not None}
    facts |= {"encrypted": reader.is_encrypted, "pdf_version": reader.pdf_header.removeprefix("%PDF-")}
    if reader.pages:
        box = reader.pages[0].mediabox
        facts |= {"page_width": float(box.width), "page_height": float(box.height)}
    facts["attachments"] = sorted(reader.attachments)
    return Result(facts, "\n".join(f"{name}: {value}" for name, value in facts.items() if value != []))


def _text(about: DocumentInformation | None, name: str) -> str | None:
    value = getattr(about, name, None)
    return None if value is None else str(value)


def _date(about: DocumentInformation | None, attribute: str) -> str | None:
    try:
        value = getattr(about, attribute, None)
    except (ValueError, PyPdfError):  # it is no date: as it is written
        value = getattr(about, f"{attribute}_raw", None)
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)


def _wanted(count: int, first: int | None, last: int | None, ranges: str | None) -> list[int]:
    """The numbers of the pages that are asked for, from 1 on. Raises ToolError."""
    if ranges is not None and (first is not None or last is not None):
        raise ToolError("give either pages, or start_page and end_page", code="invalid_parameters")
    if ranges is None:
        return _span(count, 1 if first is None else first, count if last is None else last) if count else []
    found: list[int] = []
    for part in ranges.split(","):
        match = RANGE.fullmatch(part.strip())
        if match is None or not (match[1] or match[3]) or len(part) > 20:
            raise ToolError(f"pages: {part.strip()!r} is no page; write 1-3,5,8-", code="invalid_parameters")
        start = int(match[1] or 1)
        found += _span(count, start, start if not match[2] else int(match[3] or count))
    return list(dict.fromkeys(found))


def _span(count: int, first: int, last: int) -> list[int]:
    if not 1 <= first <= count:
        raise ToolError(
            f"there is no page {first}: the file has {count} page{'s' * (count != 1)}", code="invalid_parameters"
        )
    if last < first:
        raise ToolError(f"the last page, {last}, is before the first, {first}", code="invalid_parameters")
    return list(range(first, min(last, count) + 1))


def _texts(call: Call, reader: PdfReader, wanted: list[int], layout: bool) -> Iterator[str]:
    left = MAX_TEXT
    for number in wanted:
        call.check()
        text = _text_of(reader.pages[number - 1], layout)
        left -= len(text)
        if left < 0:
            raise ToolError(f"there are more than {MAX_TEXT} characters of text; ask for fewer pages")
        yield text


def _text_of(page: PageObject, layout: bool) -> str:
    text = page.extract_text(extraction_mode="layout") if layout else page.extract_text()
    # Halves of surrogate pairs are no text that anybody can write.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").rstrip("\n")


def _write(call: Call, reader: PdfReader, wanted: list[int], target: str) -> Result:
    writer = PdfWriter()
    for number in wanted:
        writer.add_page(reader.pages[number - 1])
    with written(call, target) as file:
        writer.write(file)
    return Result(
        {"path": target, "pages": wanted, "page_count": len(reader.pages)},
        f"{len(wanted)} page{'s' * (len(wanted) != 1)} to {target}",
    )
