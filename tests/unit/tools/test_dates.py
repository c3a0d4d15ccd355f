"""datetime-handler: zones, formats, and what is told of a time."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from tests.support.tool_errors import error_of

TOOLS = Tools.standard()


def date(operation: str, **parameters: Any) -> Any:
    return TOOLS.call("datetime-handler", {"operation": operation, **parameters})


def refused(operation: str, **parameters: Any) -> str:
    return str(error_of(lambda: date(operation, **parameters)))


def test_from_one_zone_to_another() -> None:
    new_york = {"input": "2024-07-01 09:00", "timezone": "America/New_York", "target_timezone": "Europe/Berlin"}
    assert date("convert_timezone", **new_york)["text"] == "2024-07-01T15:00:00+02:00"
    assert date("convert", **new_york)["text"] == "2024-07-01T15:00:00+02:00"
    assert date("add", amount=1, unit="hour", **new_york)["text"] == "2024-07-01T16:00:00+02:00"
    to_berlin = {"input": "2024-07-01 09:00", "timezone": "Europe/Berlin"}
    assert date("convert_timezone", **to_berlin)["text"] == "2024-07-01T11:00:00+02:00"
    assert "unknown time zone 'Mars'" in refused("convert_timezone", input="2024-07-01", target_timezone="Mars")
    assert "beyond the years" in refused("convert", input="9999-12-31 23:00", target_timezone="Asia/Tokyo")


def test_a_difference_from_start_to_end() -> None:
    assert date("difference", start="2024-01-01", end="2024-01-31")["result"]["amount"] == 30
    assert date("difference", start="2024-01-31", end="2024-01-01", unit="day")["text"] == "-30 days"


def test_all_of_a_time() -> None:
    told = date("info", input="2024-02-29T12:00:00Z", target_timezone="Europe/Berlin")["result"]
    assert told["iso"] == "2024-02-29T13:00:00+01:00"
    assert (told["quarter"], told["days_in_month"], told["is_leap_year"], told["is_dst"]) == (1, 29, True, False)
    assert date("info", input="2024-07-06", timezone="Europe/Berlin")["result"]["is_dst"] is True
    assert date("info", input="2024-07-06")["result"]["is_weekend"] is True
    assert date("info", input="2024-12-30")["result"]["iso_year"] == 2025


def test_every_format_is_a_name_for_format() -> None:
    time = {"input": "2024-12-30T10:20:30Z"}
    written = date("formats", **time)["result"]
    assert written["rfc3339"] == "2024-12-30T10:20:30Z"
    assert written["rfc2822"] == "Mon, 30 Dec 2024 10:20:30 +0000"
    assert written["http"] == "Mon, 30 Dec 2024 10:20:30 GMT"
    assert written["week"] == "2025-W01-1"
    assert written["unix"] == "1735554030"
    for name, text in written.items():
        assert date("format", format=name, **time)["result"] == text


def test_a_format_says_how_to_write_and_for_parse_how_to_read() -> None:
    assert date("parse", input="03/04/24", format="%d/%m/%y")["result"]["iso"] == "2024-04-03T00:00:00+00:00"
    assert "does not match" in refused("parse", input="03.04.24", format="%d/%m/%y")
    assert "'%Q'" in refused("parse", input="x", format="%Q")
    added = date("add", input="2024-01-31", amount=1, unit="month", format="%d %b")
    assert added["text"] == added["result"]["formatted"] == "29 Feb"


@settings(deadline=None)
@given(
    st.sampled_from(["parse", "info", "formats", "convert", "add"]),
    st.text(max_size=20) | st.floats(),
    st.text(max_size=6),
)
def test_whatever_is_given_the_answer_is_a_result_or_a_tool_error(operation: str, input: Any, format: str) -> None:
    for parameters in ({"input": input}, {"input": input, "format": format}):
        try:
            assert date(operation, target_timezone="Asia/Tokyo", **parameters)["success"]
        except ToolError as error:
            assert str(error)
            assert "NoneType" not in str(error)


def test_it_reads_what_it_writes() -> None:
    written = date("formats", input="2024-01-15T10:30:00Z")["result"]
    for name in ("iso8601", "rfc3339", "rfc2822", "http", "unix", "unix_ms", "datetime", "long"):
        assert date("parse", input=written[name])["result"]["timestamp"] == 1705314600, name
        assert date("parse", input=written[name], format=name)["result"]["timestamp"] == 1705314600, name
    assert date("parse", input=written["week"])["text"] == "2024-01-15T00:00:00+00:00"
    assert date("parse", input=1705314600000)["result"]["timestamp"] == 1705314600
    assert date("parse", input="20240115")["result"]["day"] == 15


def test_an_hour_that_is_left_out_in_spring_is_the_next() -> None:
    assert date("parse", input="2024-03-10 02:30", timezone="America/New_York")["text"] == "2024-03-10T03:30:00-04:00"
    written = date("parse", input="10.03.2024 02:30", format="%d.%m.%Y %H:%M", timezone="America/New_York")
    assert written["text"] == "2024-03-10T03:30:00-04:00"


def test_an_offset_is_a_zone() -> None:
    noon = "2024-01-15T12:00:00Z"
    assert date("convert", input=noon, target_timezone="+05:30")["text"] == "2024-01-15T17:30:00+05:30"
    assert date("convert", input=noon, target_timezone="UTC-3")["text"] == "2024-01-15T09:00:00-03:00"
    assert "+05:30" in refused("convert", input=noon, target_timezone="+99")


def test_a_difference_is_written_whole() -> None:
    assert date("difference", start="2024-01-01", end="2024-12-25", unit="seconds")["text"] == "31017600 seconds"
    assert date("difference", start="2024-01-01", end="2024-01-02 12:00", unit="days")["text"] == "1.5 days"
