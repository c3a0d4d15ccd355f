"""datetime_handler: dates, times, time zones. Any thread.

Every time has a zone; one that is given without is taken as UTC unless `timezone` says otherwise.
Seconds, minutes and hours move the instant; days, weeks, months and years move the calendar.
Results are written in ISO 8601.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import parser, tz
from dateutil.relativedelta import relativedelta

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.spec import Example, Result, tool

UTC = timezone.utc
Unit = Literal["seconds", "minutes", "hours", "days", "weeks", "months", "years"]
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
OF_THE_CLOCK = ("seconds", "minutes", "hours")


@tool(
    category="utility",
    runs="here",
    aliases={"datetime": "input", "date": "input"},
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
    ],
)
def datetime_handler(
    operation: Literal[
        "now", "parse", "format", "add", "subtract", "difference", "convert", "timestamp", "info"
    ] = "now",
    input: str | float | None = None,
    other: str | float | None = None,
    format: str | None = None,
    amount: float = 0,
    unit: Unit = "days",
    timezone: str = "UTC",
) -> Result:
    """Tell, read, write and calculate with dates and times.

    Args:
        operation: What to do.
        input: A date and time in any usual form, or seconds since 1970. Now, if it is not given.
        other: The second time of a difference.
        format: How to write it, in the codes of strftime (format).
        amount: How much to add or subtract.
        unit: The unit of `amount`, and of a difference.
        timezone: The name of a time zone, as Europe/Berlin: that of a time which says none itself.
            In convert it is the zone to convert to, and a time which says none is in UTC.
    """
    zone = _zone(timezone)
    if operation == "now":
        return _described(datetime.now(zone))
    time = _read(input, UTC if operation == "convert" else zone)
    if operation == "format":
        text = time.strftime(format or "%Y-%m-%d %H:%M:%S")
        return Result(text, text)
    if operation in ("add", "subtract"):
        return _described(_moved(time, amount if operation == "add" else -amount, unit))
    if operation == "difference":
        return _difference(time, _read(other, zone), unit)
    if operation == "convert":
        return _described(time.astimezone(zone))
    if operation == "timestamp":
        return Result(time.timestamp(), str(time.timestamp()))
    return _described(time)


def _zone(name: str) -> Any:
    zone = _zone_or_none(name)
    if zone is None:
        raise ToolError(f"unknown time zone {name!r}; it is one like Europe/Berlin")
    return zone


def _zone_or_none(name: str) -> Any:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _read(value: str | float | None, zone: Any) -> datetime:
    try:
        if value is None:
            return datetime.now(zone)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, zone)
        return _parsed(value, zone)
    except (parser.ParserError, OverflowError, ValueError, OSError) as error:
        raise ToolError(f"can't read {value!r} as a date and time") from error


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
    return time if time.tzinfo is not None else time.replace(tzinfo=zone)


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
    return Result({"amount": amount, "unit": unit, "seconds": seconds}, f"{amount:g} {unit}")


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
