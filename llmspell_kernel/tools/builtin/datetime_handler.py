"""datetime_handler: dates, times, time zones. Any thread.

Every time has a zone; one that is given without is taken as UTC unless `timezone` says otherwise.
Seconds, minutes and hours move the instant; days, weeks, months and years move the calendar.
Results are written in ISO 8601, unless `format` says otherwise.
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import parser, tz
from dateutil.parser import isoparse
from dateutil.relativedelta import relativedelta

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.spec import Example, Result, tool

UTC = timezone.utc
Unit = Literal[
    "seconds", "minutes", "hours", "days", "weeks", "months", "years",
    "second", "minute", "hour", "day", "week", "month", "year",
]  # fmt: skip
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
OF_THE_CLOCK = ("seconds", "minutes", "hours")
OFFSET = re.compile(r"(?:UTC|GMT)?([+−-])(\d{1,2}):?(\d\d)?")
SECONDS_WRITTEN = re.compile(r"-?(\d{9,11}|\d{13})(\.\d+)?", re.ASCII)  # 8, 12 and 14 digits are dates
WEEK_DATE = re.compile(r"\d{4}-?W\d\d", re.ASCII)
LAST_SECOND = 253_402_300_799  # of the year 9999
FORMATS: dict[str, Callable[[datetime], str]] = {  # `format` may be one of these names as well
    "iso8601": datetime.isoformat,
    "rfc3339": lambda time: time.isoformat(timespec="seconds").replace("+00:00", "Z"),
    "rfc2822": format_datetime,
    "http": lambda time: format_datetime(time.astimezone(UTC), usegmt=True),
    "unix": lambda time: str(int(time.timestamp())),
    "unix_ms": lambda time: str(int(time.timestamp() * 1000)),
    "date": lambda time: time.strftime("%Y-%m-%d"),
    "time": lambda time: time.strftime("%H:%M:%S"),
    "datetime": lambda time: time.strftime("%Y-%m-%d %H:%M:%S"),
    "week": lambda time: "{}-W{:02}-{}".format(*time.isocalendar()),
    "long": lambda time: time.strftime("%A, %d %B %Y, %H:%M:%S %Z"),
}


Operation = Literal[
    "now", "parse", "format", "add", "subtract", "difference", "convert", "convert_timezone", "timestamp", "info",
    "formats",
]  # fmt: skip


@tool(
    category="utility",
    runs="here",
    aliases={"datetime": "input", "date": "input", "start": "input", "end": "other"},
    examples=[
        Example(
            "Add months on the calendar",
            {"operation": "add", "input": "2024-01-31", "amount": 1, "unit": "months"},
            result={"year": 2024, "month": 2, "day": 29},
        ),
        Example(
            "Days between two dates",
            {"operation": "difference", "input": "2024-02-01", "other": "2024-03-01"},
            result={"amount": 29},
        ),
        Example(
            "The hour elsewhere",
            {
                "operation": "convert_timezone",
                "input": "2024-07-01 09:00",
                "timezone": "America/New_York",
                "target_timezone": "Asia/Tokyo",
            },
            text="2024-07-01T22:00:00+09:00",
        ),
        Example(
            "Write it for a letter",
            {"operation": "format", "input": "2024-05-06T10:00:00Z", "format": "rfc2822"},
            text="Mon, 06 May 2024 10:00:00 +0000",
        ),
    ],
)
def datetime_handler(
    operation: Operation = "now",
    input: str | float | None = None,
    other: str | float | None = None,
    format: str | None = None,
    amount: float = 0,
    unit: Unit = "days",
    timezone: str = "UTC",
    target_timezone: str | None = None,
) -> Result:
    """Tell, read, write and calculate with dates and times.

    Args:
        operation: What to do; info tells all of a time, formats writes it in every usual format.
        input: A date and time in any usual form, or seconds (or milliseconds) since 1970. Now, if it is not given.
        other: The second time of a difference.
        format: How to write it, in the codes of strftime or as one of the names that formats tells; for parse, how
            the input is written, in those codes.
        amount: How much to add or subtract.
        unit: The unit of `amount`, and of a difference.
        timezone: The name of a time zone, as Europe/Berlin, or an offset, as +05:30: that of a time which says none
            itself. In convert without `target_timezone` it is the zone to convert to, and a time which says none is
            in UTC.
        target_timezone: The zone in which the outcome is written.
    """
    zone, target = _zone(timezone), None if target_timezone is None else _zone(target_timezone)
    if operation in ("convert", "convert_timezone") and target is None:
        zone, target = UTC, zone
    time = _given(operation, input, format, zone)
    if operation == "difference":
        return _difference(time, _read(other, zone), _plural(unit))
    if operation in ("add", "subtract"):
        time = _moved(time, amount if operation == "add" else -amount, _plural(unit))
    return _told(operation, time if target is None else _in(target, time), format)


def _given(operation: str, input: str | float | None, format: str | None, zone: Any) -> datetime:
    if operation == "now":
        return datetime.now(zone)
    if operation == "parse" and format is not None and format not in FORMATS and isinstance(input, str):
        return _as_written(input, format, zone)
    return _read(input, zone)


def _as_written(text: str, format: str, zone: Any) -> datetime:
    try:
        time = datetime.strptime(text, format)
    except (ValueError, re.error, IndexError) as error:
        raise ToolError(f"can't read {text!r} as {format!r}: {error}") from error
    return _in_its_zone(time, zone)


def _in_its_zone(time: datetime, zone: Any) -> datetime:
    """An hour that is left out in spring is the one after it."""
    return time if time.tzinfo is not None else tz.resolve_imaginary(time.replace(tzinfo=zone))


def _in(zone: Any, time: datetime) -> datetime:
    try:
        return time.astimezone(zone)
    except (OverflowError, ValueError) as error:
        raise ToolError("the date would be beyond the years 1 to 9999") from error


def _plural(unit: str) -> str:
    return unit if unit.endswith("s") else unit + "s"


def _told(operation: str, time: datetime, format: str | None) -> Result:
    if operation == "format":
        text = _written(time, format or "datetime")
        return Result(text, text)
    if operation == "timestamp":
        return Result(time.timestamp(), str(time.timestamp()))
    if operation == "formats":
        written = {name: write(time) for name, write in FORMATS.items()}
        return Result(written, "\n".join(f"{name}: {text}" for name, text in written.items()))
    told = _described(time)
    if operation == "info":
        told.value.update(_calendar(time))
    if format is None or operation == "parse":
        return told
    text = _written(time, format)
    return Result({**told.value, "formatted": text}, text)


def _written(time: datetime, format: str) -> str:
    try:
        return FORMATS[format](time) if format in FORMATS else time.strftime(format)
    except (ValueError, OverflowError) as error:
        raise ToolError(f"can't write the time as {format!r}: {error}") from error


def _calendar(time: datetime) -> dict[str, Any]:
    summer = time.dst()
    return {
        "quarter": (time.month + 2) // 3, "days_in_month": monthrange(time.year, time.month)[1],
        "is_leap_year": isleap(time.year), "is_weekend": time.isoweekday() > 5, "is_dst": bool(summer),
        "month_name": time.strftime("%B"), "iso_year": time.isocalendar()[0],
    }  # fmt: skip


def _zone(name: str) -> Any:
    zone = _zone_or_none(name)
    if zone is None:
        raise ToolError(f"unknown time zone {name!r}; it is one like Europe/Berlin, UTC or +05:30")
    return zone


def _zone_or_none(name: str) -> Any:
    if name.upper() == "UTC":
        return UTC
    offset = OFFSET.fullmatch(name)
    try:
        if offset:
            east = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
            return timezone(-east if offset[1] in "-−" else east)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _read(value: str | float | None, zone: Any) -> datetime:
    try:
        if value is None:
            return datetime.now(zone)
        if isinstance(value, int | float):
            return _since_1970(value, zone)
        if SECONDS_WRITTEN.fullmatch(value.strip()):
            return _since_1970(float(value), zone)
        return _in_its_zone(isoparse(value), zone) if WEEK_DATE.match(value) else _parsed(value, zone)
    except (parser.ParserError, OverflowError, ValueError, OSError) as error:
        raise ToolError(
            f"can't read {value!r} as a date and time; write it as 2024-01-15T10:30:00Z, give seconds since 1970, "
            "or parse it with the `format` that it has"
        ) from error


def _since_1970(number: float, zone: Any) -> datetime:
    """Seconds, or milliseconds where that many seconds are no date of ours."""
    return datetime.fromtimestamp(number if abs(number) <= LAST_SECOND else number / 1000, zone)


def _parsed(text: str, zone: Any) -> datetime:
    names = []

    def zone_of(name: str | None, seconds: int | None) -> Any:
        if seconds is not None:
            return UTC if seconds == 0 else timezone(timedelta(seconds=seconds))
        if name is not None:
            names.append(name)
        return None

    time = parser.parse(text, tzinfos=zone_of)
    if names:
        return _in_zone_called(names[0], time, zone)
    return _in_its_zone(time, zone)


def _in_zone_called(name: str, time: datetime, zone: Any) -> datetime:
    """An abbreviation counts where the zone that is given, or the one of its name, is called so at that time."""
    for candidate in (zone, _zone_or_none(name)):
        for fold in (0, 1):
            there = time.replace(tzinfo=candidate, fold=fold)
            if there.tzname() == name:
                return there
    raise ToolError(f"unknown time zone {name!r} in the time; write its offset, as -05:00, or give `timezone`")


def _moved(time: datetime, amount: float, unit: str) -> datetime:
    try:
        if unit in OF_THE_CLOCK:
            return (time.astimezone(UTC) + timedelta(seconds=amount * SECONDS[unit])).astimezone(time.tzinfo)
        if unit in SECONDS:
            return tz.resolve_imaginary(time + timedelta(seconds=amount * SECONDS[unit]))
        if amount != int(amount):
            raise ToolError(f"{unit} are added as whole numbers", code="invalid_parameters")
        return tz.resolve_imaginary(time + relativedelta(**{unit: int(amount)}))  # type: ignore[arg-type]
    except (OverflowError, ValueError) as error:
        raise ToolError("the date would be beyond the years 1 to 9999") from error


def _difference(first: datetime, second: datetime, unit: str) -> Result:
    seconds = (second.astimezone(UTC) - first.astimezone(UTC)).total_seconds()
    if unit in OF_THE_CLOCK:
        amount: float = seconds / SECONDS[unit]
    elif unit in SECONDS:  # of the calendar, where both are in the same zone
        amount = (second - first).total_seconds() / SECONDS[unit]
    else:
        delta = relativedelta(second, first)
        months = delta.years * 12 + delta.months
        amount = months if unit == "months" else delta.years
    shown = int(amount) if amount == int(amount) else round(amount, 4)
    return Result({"amount": amount, "unit": unit, "seconds": seconds}, f"{shown} {unit}")


def _described(time: datetime) -> Result:
    offset = time.utcoffset()
    fields = {
        "iso": time.isoformat(), "timestamp": time.timestamp(), "year": time.year, "month": time.month,
        "day": time.day, "hour": time.hour, "minute": time.minute, "second": time.second,
        "microsecond": time.microsecond, "weekday": time.strftime("%A"), "iso_week": time.isocalendar()[1],
        "day_of_year": time.timetuple().tm_yday, "timezone": time.tzname() or "",
        "utc_offset_seconds": int(offset.total_seconds()) if offset is not None else 0,
    }  # fmt: skip
    return Result(fields, time.isoformat())
