"""A table as Apache Parquet. Any thread."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from llmspell_kernel.errors import ToolError

KINDS = {
    "boolean": pa.bool_(), "integer": pa.int64(), "number": pa.float64(), "date": pa.date32(),
    "datetime": pa.timestamp("us"), "text": pa.string(), "empty": pa.string(),
}  # fmt: skip


def written(names: list[str], columns: list[tuple[str, list[Any]]]) -> bytes:
    try:
        arrays = [pa.array(made, KINDS[kind]) for kind, made in columns]
        table = pa.table(arrays, names=names)
    except (pa.ArrowException, UnicodeError) as error:
        raise ToolError(f"can't be written as Parquet: {str(error).splitlines()[0]}") from error
    out = BytesIO()
    pq.write_table(table, out)
    return out.getvalue()
