"""Dates the way a Russian-language site writes them: in the site's own hours, and never with a zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

BISHKEK: Final = 6 * 3600
_MONTHS: Final = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)
_SHORT: Final = ("янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")
_DAYS: Final = ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье")
_SHORT_DAYS: Final = ("Пн", "Вт", "Ср", "Чт", "Пт", "Сб", "Вс")


def _local(at: float, offset: int) -> time.struct_time:
    return time.gmtime(at + offset)


def in_words(at: float, offset: int = BISHKEK) -> str:
    """«28 октября 2021 06:19»."""
    local = _local(at, offset)
    return f"{local.tm_mday} {_MONTHS[local.tm_mon - 1]} {local.tm_year} {local.tm_hour:02}:{local.tm_min:02}"


def as_seen(at: float, now: float, offset: int = BISHKEK) -> str:
    """«Сегодня 07:36» on the day itself, the whole date afterwards."""
    local = _local(at, offset)
    if local[:3] == _local(now, offset)[:3]:
        return f"Сегодня {local.tm_hour:02}:{local.tm_min:02}"
    return in_words(at, offset)


def day_in_words(at: float, offset: int = BISHKEK) -> str:
    """«пятница, 20 февраля 2026»."""
    local = _local(at, offset)
    return f"{_DAYS[local.tm_wday]}, {local.tm_mday} {_MONTHS[local.tm_mon - 1]} {local.tm_year}"


def in_short_words(at: float, offset: int = BISHKEK) -> str:
    """«Пт, 20 фев 2026 07:36:00 +0600»: the form of RFC 822 in the wrong language."""
    local = _local(at, offset)
    clock = f"{local.tm_hour:02}:{local.tm_min:02}:{local.tm_sec:02}"
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 3600:02}{abs(offset) % 3600 // 60:02}"
    return f"{_SHORT_DAYS[local.tm_wday]}, {local.tm_mday:02} {_SHORT[local.tm_mon - 1]} {local.tm_year} {clock} {zone}"


def in_numbers(at: float, offset: int = BISHKEK) -> str:
    """The form of JSON Feed: «2026-02-20T07:36:00+06:00»."""
    zone = timezone(timedelta(seconds=offset))
    return datetime.fromtimestamp(int(at), UTC).astimezone(zone).isoformat()
