"""A text too long for one message becomes several, each whole in itself: no tag is left open, no entity is cut."""

import re
from html import unescape

from newsroom.text.limits import TEXT, units

_PIECE = re.compile(r"<(?P<end>/?)(?P<name>[a-z-]+)[^>]*>|&[#\w]+;|[^<&]+|.", re.DOTALL)


def split(html: str, limit: int = TEXT) -> tuple[str, ...]:
    """Parts of at most `limit` visible UTF-16 units, cut at a line's end, else between words, else where it must be."""
    parts: list[str] = []
    rest = html
    opening = ""
    while rest:
        part, opening_next, rest = _first(opening, rest, limit)
        if _visible(part):
            parts.append(part)
        opening = opening_next
    return tuple(parts)


def _first(opening: str, html: str, limit: int) -> tuple[str, str, str]:
    """The first part with its tags closed, the tags to open again after it, and what is left."""
    open_tags = re.findall(r"<[^>]+>", opening)
    taken, room = 0, limit
    best: tuple[int, list[str]] | None = None  # where a line or a word ended last, and what was open there
    for piece in _PIECE.finditer(html):
        said = piece.group()
        if piece["name"]:
            open_tags = open_tags[:-1] if piece["end"] else [*open_tags, said]
            taken = piece.end()
            continue
        if units(unescape(said)) <= room:
            room -= units(unescape(said))
            taken = piece.end()
            best = _break(said, piece.start(), open_tags) or best
            continue
        head = _cut(said, room)
        best = _break(head, piece.start(), open_tags) or best
        at, tags = best if best is not None and best[0] > 0 else (piece.start() + max(len(head), taken == 0), open_tags)
        return opening + html[:at].rstrip() + _closed(tags), "".join(tags), html[at:].lstrip()
    return opening + html[:taken], "", ""


def _break(said: str, start: int, tags: list[str]) -> tuple[int, list[str]] | None:
    """The end of the last line in a piece of text, else of its last word."""
    for sign in ("\n", " "):
        if (place := said.rfind(sign)) >= 0:
            return start + place + 1, list(tags)
    return None


def _cut(said: str, room: int) -> str:
    """As much of a run of letters as there is room for; an entity is whole or not there."""
    if said.startswith("&"):
        return ""
    return said.encode("utf-16-le")[: 2 * room].decode("utf-16-le", errors="ignore")


def _closed(tags: list[str]) -> str:
    return "".join(f"</{re.split(r'[ >]', tag[1:], maxsplit=1)[0]}>" for tag in reversed(tags))


def _visible(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html)).strip()
