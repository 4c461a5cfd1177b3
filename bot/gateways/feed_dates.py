"""Reads the dates of feeds as people write them: RFC 822 and ISO 8601, in Russian and English, «Сегодня 07:36» too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from email.utils import parsedate_tz
from typing import Final

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "январь января янв jan january",
            "февраль февраля фев февр feb february",
            "март марта мар mar march",
            "апрель апреля апр apr april",
            "май мая may",
            "июнь июня июн jun june",
            "июль июля июл jul july",
            "август августа авг aug august",
            "сентябрь сентября сен сент sep sept september",
            "октябрь октября окт oct october",
            "ноябрь ноября ноя нояб nov november",
            "декабрь декабря дек dec december",
        ),
        1,
    )
    for name in names.split()
}
DAYS_AGO: Final = {"сегодня": 0, "вчера": 1, "позавчера": 2, "today": 0, "yesterday": 1}
ZONES: Final = {"msk": 180, "мск": 180, "msd": 240, "kgt": 360, "almt": 300, "uzt": 300, "tjt": 300, "tmt": 300} | {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "bst": 60, "cet": 60, "cest": 120, "eet": 120, "eest": 180,
}  # fmt: skip
TIME: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
CLOCK: Final = rf"(?:[\sT,]+(?:(?:в|at)\s+)?{TIME})?"
OFFSET: Final = r"\s*(?P<zone>(?:GMT|UTC)?\s*[+-]\d{1,2}(?::?\d{2})?|[A-Za-zМСК]{1,5})?\s*(?:\(.*\))?"
YEAR: Final = r"(?P<year>\d{4}|\d{2}(?!\d))"
DAY_MONTH_YEAR: Final = rf"(?P<day>\d{{1,2}})[\s-]+(?P<month>[^\W\d]+)\.?,?[\s-]+{YEAR}"
NUMBERS: Final = rf"(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.{YEAR}"
NEAR: Final = rf"(?P<near>{'|'.join(DAYS_AGO)})"
OF_THE_YEAR: Final = r"(?:\s*(?:г\.?(?!\w)|года))?"
WEEKDAY: Final = r"(?:[^\W\d]+\.?,?\s+)?"
DAY_FIRST: Final = (
    DAY_MONTH_YEAR,
    NUMBERS,
    r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})",
    r"(?P<year>\d{4})[-./](?P<month>\d{1,2})[-./](?P<day>\d{1,2})",
    r"(?P<month>[^\W\d]+)\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})",
    NEAR,
)
TIME_FIRST: Final = (DAY_MONTH_YEAR, NUMBERS, NEAR)
DATES: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        *(rf"{WEEKDAY}{day}{OF_THE_YEAR}{CLOCK}{OFFSET}" for day in DAY_FIRST),
        *(rf"{TIME},?\s+{WEEKDAY}{day}{OF_THE_YEAR}(?P<zone>)" for day in TIME_FIRST),
    )
)
LONGEST: Final = 100  # characters; no date is longer, and trying each form on a book takes its time


def feed_date(written: str, zone: tzinfo, now: datetime | None = None) -> datetime | None:
    """The moment a feed's date names, in UTC; one without a zone is the site's local time.

    «Сегодня» counts from `now`, and is no date where nobody says when now is.
    """
    match = _form(written)
    if match is None:
        return _rfc822(written, zone)
    parts = match.groupdict()
    local = _zone(parts["zone"], zone)
    if local is None:
        return None
    try:
        if parts.get("near"):
            return None if now is None else _moment(parts, now.astimezone(local) - _ago(parts["near"]), local)
        number = _month(parts["month"] or "")
        day = datetime(_year(parts["year"] or "0"), number, int(parts["day"] or 0), tzinfo=local)
        return _moment(parts, day, local)
    except (ValueError, OverflowError):
        return None


def is_date_form(written: str) -> bool:
    """Whether one of our forms fits, so that nobody else is asked to make a 3 March of 31 February."""
    return _form(written) is not None


def _form(written: str) -> re.Match[str] | None:
    if len(written) > LONGEST:
        return None
    return next((match for form in DATES if (match := form.fullmatch(written))), None)


def _ago(word: str) -> timedelta:
    return timedelta(days=DAYS_AGO[word.lower()])


def _month(written: str) -> int:
    return int(written) if written.isdigit() else MONTHS.get(written.lower(), 0)


def _year(written: str) -> int:
    """Two digits as RFC 5322 and Python's own reader take them: 69 and later are of the last century."""
    year = int(written)
    return year if len(written) > 2 else year + (1900 if year > 68 else 2000)


def _moment(parts: Mapping[str, str | None], day: datetime, local: tzinfo) -> datetime:
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    return datetime.combine(day.date(), time(hour, minute, min(second, 59)), local).astimezone(UTC)


def _zone(written: str | None, local: tzinfo) -> tzinfo | None:
    if not written:
        return local
    offset = re.fullmatch(r"(?:GMT|UTC)?\s*([+-])(\d{1,2}):?(\d{2})?", written, re.IGNORECASE)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
    else:
        known = ZONES.get(written.lower())
        return None if known is None else timezone(timedelta(minutes=known))
    if minutes >= 24 * 60:
        return None
    return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))


def _rfc822(written: str, local: tzinfo) -> datetime | None:
    parsed = parsedate_tz(written[:LONGEST])
    if parsed is None or not written[:1].isalnum():
        return None
    try:
        zone = local if parsed[9] is None else timezone(timedelta(seconds=parsed[9]))
        return datetime(*parsed[:6], tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
