"""A table as an Excel workbook. Any thread."""

from __future__ import annotations

import re
from datetime import date
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from llmspell_kernel.errors import ToolError

MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 1_048_575, 16_384, 32_767
UNFIT = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
FIRST_YEAR = 1900  # of Excel


def written(names: list[str], columns: list[tuple[str, list[Any]]]) -> bytes:
    """Raises ToolError for what no workbook can hold."""
    if len(columns) > MAX_COLUMNS or any(len(made) > MAX_ROWS for _, made in columns):
        raise ToolError(f"a worksheet has at most {MAX_ROWS} rows below its head and {MAX_COLUMNS} columns")
    for texts in (names, *(made for _, made in columns)):
        _check(texts)  # before: a worksheet that is given up leaves its file behind
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append([_cell(sheet, name) for name in names])
    for row in zip(*(made for _, made in columns), strict=True):
        sheet.append([_cell(sheet, one) for one in row])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _check(values: list[Any]) -> None:
    for value in values:
        if not isinstance(value, str):
            continue
        if len(value) > MAX_TEXT:
            raise ToolError(f"a cell holds at most {MAX_TEXT} characters")
        if UNFIT.search(value):
            raise ToolError(f"a worksheet can't hold {value[:50]!r}: it has control characters or is not Unicode")


def _cell(sheet: Any, value: Any) -> Any:
    if isinstance(value, date) and value.year < FIRST_YEAR:
        value = value.isoformat()
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s"  # =1+1 is a text, not a formula that runs
    return cell
