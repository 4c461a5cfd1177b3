"""What Telegram allows: limits, the wording of its errors, and how fast one may write."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.markup import Parsed, clean_text, parse_html, utf16_length

__all__ = [
    "AGE_OF_CALLBACK",
    "AGE_OF_UPDATE",
    "ApiError",
    "Parsed",
    "Rates",
    "caption_of",
    "code_of",
    "describe",
    "link_preview",
    "parse_html",
    "text_of",
    "utf16_length",
]

TEXT_LIMIT: Final = 4096  # code points after parsing
RAW_TEXT_LIMIT: Final = 32_768  # bytes before parsing
CAPTION_LIMIT: Final = 1024  # code points after parsing
PHOTO_LIMIT: Final = 10 * 1024 * 1024  # bytes, uploaded
PHOTO_BY_ADDRESS_LIMIT: Final = 5 * 1024 * 1024
PHOTO_SIDES_LIMIT: Final = 10_000  # width and height together
PHOTO_RATIO_LIMIT: Final = 20
CALLBACK_DATA_LIMIT: Final = 64  # bytes
CALLBACK_ANSWER_LIMIT: Final = 200
MARKUP_LIMIT: Final = 10_000  # bytes of JSON
COMMANDS_LIMIT: Final = 100
COMMAND_DESCRIPTION_LIMIT: Final = 256
DESCRIPTION_LIMIT: Final = 512
SHORT_DESCRIPTION_LIMIT: Final = 120
AGE_OF_UPDATE: Final = 86_400.0
AGE_OF_CALLBACK: Final = 150.0
AGE_OF_DELETABLE: Final = 48 * 3600.0

OVERALL_PER_SECOND: Final = 30
CHAT_BURST: Final = 3
GROUP_PER_MINUTE: Final = 20

_PREFIXES: Final = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error"}
_WHOLE: Final = {
    404: "Not Found",
    409: "Conflict",
    413: "Request Entity Too Large",
    421: "Misdirected Request",
    429: "Too Many Requests",
}


class ApiError(Exception):
    """A refusal, in Telegram's raw words; `describe` gives them their public form."""

    def __init__(self, code: int, text: str, parameters: Mapping[str, int] | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.parameters = code, text, dict(parameters or {})


def code_of(text: str) -> int:
    """The error code that a complete description stands for (400 when it names none)."""
    for code, prefix in {**_WHOLE, **_PREFIXES}.items():
        if text.startswith(prefix):
            return code
    return 400


def describe(code: int, text: str) -> tuple[int, str]:
    """The HTTP status and the description Telegram would answer with: the only place that words an error."""
    if code in _WHOLE and text.startswith(_WHOLE[code]):
        return code, text
    if code == 404 or code < 400:
        code = 400
    if code == 403 and all(letter == "_" or letter.isdigit() or "A" <= letter <= "Z" for letter in text):
        code = 400
    prefix = _PREFIXES.get(code, _PREFIXES[400])
    if text.startswith(prefix):
        return code, text
    if len(text) < 2 or not (text[1] == "_" or "A" <= text[1] <= "Z"):
        text = text[:1].lower() + text[1:] if text else "unknown error"
    return code, f"{prefix}: {text}"


def text_of(raw: str, parse_mode: str, entities: list[dict[str, Any]] | None = None) -> Parsed:
    """What a `text` argument becomes in the message, or the error it earns."""
    if not raw:
        raise ApiError(400, "message text is empty")
    parsed = _parsed(raw, parse_mode, entities)
    if not parsed.text:
        raise ApiError(400, "text must be non-empty")
    if len(parsed.text) > TEXT_LIMIT:
        raise ApiError(400, "message is too long")
    return parsed


def caption_of(raw: str, parse_mode: str, entities: list[dict[str, Any]] | None = None) -> Parsed:
    """What a `caption` argument becomes under the photo; there may be none."""
    parsed = _parsed(raw, parse_mode, entities)
    if len(parsed.text) > CAPTION_LIMIT:
        raise ApiError(400, "message caption is too long")
    return parsed


def link_preview(parsed: Parsed, options: Mapping[str, Any] | None) -> tuple[str, bool, bool] | None:
    """The preview people see under a text: its address, whether its media is large, whether it stands above."""
    options = options or {}
    address = options.get("url") or _first_address(parsed)
    if options.get("is_disabled") or not address:
        return None
    return str(address), bool(options.get("prefer_large_media")), bool(options.get("show_above_text"))


def _first_address(parsed: Parsed) -> str:
    units = parsed.text.encode("utf-16-le", "surrogatepass")
    for entity in parsed.entities:
        if entity["type"] == "text_link":
            return str(entity["url"])
        if entity["type"] == "url":
            start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
            return units[start:end].decode("utf-16-le", "replace")
    return ""


def _parsed(raw: str, parse_mode: str, entities: list[dict[str, Any]] | None) -> Parsed:
    try:
        size = len(raw.encode("utf-8"))
    except UnicodeEncodeError:
        raise ApiError(400, "strings must be encoded in UTF-8") from None
    if size > RAW_TEXT_LIMIT:
        raise ApiError(400, "text is too long")
    if parse_mode and parse_mode.lower() != "html" and entities is None:
        raise ApiError(400, "unsupported parse_mode")
    if entities is not None or not parse_mode:
        return clean_text(raw, entities or [])
    try:
        return parse_html(raw)
    except ValueError as error:
        raise ApiError(400, f"can't parse entities: {error}") from None


class Rates:
    """Who may write now, and after how many seconds; with `speed=k` a second lasts 1/k of a real one."""

    def __init__(
        self,
        *,
        speed: float = 1.0,
        enabled: bool = True,
        burst: int = CHAT_BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.speed, self.enabled, self.burst, self._clock = speed, enabled, burst, clock
        self._overall: dict[int, deque[float]] = defaultdict(deque)
        self._groups: dict[tuple[int, int], deque[float]] = defaultdict(deque)
        self._buckets: dict[tuple[int, int], tuple[float, float]] = {}

    def take(self, bot_id: int, chat_id: int, *, group: bool, cost: int = 1) -> int:
        """Take `cost` messages: 0 when they may go, otherwise the `retry_after` (and nothing is taken)."""
        if not self.enabled:
            return 0
        now = self._clock() * self.speed
        key = (bot_id, chat_id)
        level, at = self._buckets.get(key, (float(self.burst), now))
        level = min(float(self.burst), level + now - at)
        wait = max(
            _window_wait(self._overall[bot_id], now, 1.0, OVERALL_PER_SECOND, cost),
            _window_wait(self._groups[key], now, 60.0, GROUP_PER_MINUTE, cost) if group else 0.0,
            min(cost, self.burst) - level,
        )
        if wait > 1e-6:
            return max(1, math.ceil(wait - 1e-6))
        self._overall[bot_id].extend([now] * cost)
        if group:
            self._groups[key].extend([now] * cost)
        self._buckets[key] = (level - cost, now)
        return 0


def _window_wait(taken: deque[float], now: float, length: float, limit: int, cost: int) -> float:
    while taken and taken[0] + length <= now + 1e-6:
        taken.popleft()
    surplus = len(taken) + cost - limit
    if surplus <= 0 or not taken:
        return 0.0
    return taken[min(surplus, len(taken)) - 1] + length - now
