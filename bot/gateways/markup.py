"""Puts a stranger's page into a form that no parser takes long over: every element closed, and nothing nested deep.

lexbor asks every open element about each new one, and every attribute about the next: 100,000 nested blocks cost it
25 s, 60,000 attributes of one element 10 s, and formatting left open is copied into every paragraph that follows.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from newsroom.text.plain import ELEMENTS, INLINE, SILENT, collapse

DEEP: Final = 200  # elements in one another; browsers stop at 512
PAGE: Final = 3_000_000  # characters of a page that are looked at
RUN: Final = 20_000  # characters without a tag among them; more is no prose
LONGEST: Final = 50  # characters of the beginning of a tag, with its name
MARKS: Final = 60_000  # tags and comments; a long article has some thousand
BROKEN: Final = 300  # beginnings of tags that are none
TAG: Final = 100_000  # characters from «<» to «>»
ATTRIBUTES: Final = 40
VALUE: Final = 10_000  # characters of one attribute
EMPTY: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
WHOLE: Final = SILENT | frozenset({"title", "textarea", "select", "noembed", "noframes", "xmp"})
IGNORED: Final = frozenset(
    ["html", "head", "body", "frame", "frameset", "form", "input", "button", "option", "optgroup", "param", "embed"]
)
# Left open, these reach into what follows, so they become what means nothing.
FORMATTING: Final = frozenset(
    ["b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
# What may be left open: what it ends when it begins, and what it does not reach out of.
ENDS: Final = {
    "p": frozenset({"p"}),
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "tr": frozenset({"tr"}),
    **{name: frozenset({"thead", "tbody", "tfoot"}) for name in ("thead", "tbody", "tfoot")},
}
LOOSE: Final = INLINE | frozenset(ENDS)
REACH: Final = {name: ELEMENTS - {"table"} for name in ELEMENTS} | {
    **dict.fromkeys(INLINE, INLINE),
    "p": LOOSE,
    "li": ELEMENTS - {"table", "ul", "ol", "menu"},
    "dt": ELEMENTS - {"table", "dl"},
    "dd": ELEMENTS - {"table", "dl"},
}

_NEXT = re.compile(r"<(?:!--|[!?]|(?P<end>/?)(?P<name>[A-Za-z][\w:-]{0,40}))")
_REST = re.compile(r"""(?:[^<>"']++|"[^"]*+"|'[^']*+')*+>""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++)))?""")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z_:][\w:.-]{0,60}", re.ASCII)
_ANY_TAG = re.compile(r"<(/?)([a-z][^\s>]*)[^>]*>")


def tidied(text: str) -> str:
    """The page with every element closed, and without scripts, comments, drawings and what nobody could read."""
    return "".join(_Tidy(text[:PAGE]).pieces())


def block_lines(markup: str) -> list[str]:
    """The words of tidied markup, a line for each run of them that no block interrupts."""
    text = _ANY_TAG.sub(lambda tag: "" if tag[2] in INLINE else "\n", markup)
    return [line for each in html.unescape(text).split("\n") if (line := collapse(each))]


class _Tidy:
    """Walks over a page once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[str] = []
        self._endless: set[str] = set()

    def pieces(self) -> Iterator[str]:
        text, at, broken = self._text, 0, 0
        for _ in range(MARKS):
            mark = self._mark(at)
            if not mark:
                yield _letters(text[at:])
                break
            yield _letters(text[at : mark.start()])
            at = mark.end()
            name = (mark["name"] or "").lower()
            if not name:
                at = self._after("-->" if mark.group() == "<!--" else ">", at)
            elif rest := _REST.match(text, at, at + TAG):
                at = rest.end()
                if name in WHOLE:
                    end = at if mark["end"] else self._closing(name, at)
                    yield f"<title>{_letters(text[at:end])}</title>" if name == "title" and end > at else ""
                    at = end
                elif name in ELEMENTS and name not in IGNORED:
                    yield from self._ended(name) if mark["end"] else self._begun(name, rest.group())
            else:
                broken += 1
                at = self._after("<", at) - 1
            if broken > BROKEN or len(self._open) > DEEP:
                break
        yield from self._close(0)

    def _mark(self, at: int) -> re.Match[str] | None:
        """The next beginning of a tag; looked for in steps, between which other threads have their turn."""
        for start in range(at, len(self._text), RUN):
            mark = _NEXT.search(self._text, start, start + RUN + LONGEST)
            if mark and mark.start() < start + RUN:
                return mark
        return None

    def _after(self, closing: str, at: int) -> int:
        """The place after `closing`; the end, if it is never seen again."""
        found = self._text.find(closing, at)
        return len(self._text) + 1 if found < 0 else found + len(closing)

    def _closing(self, name: str, at: int) -> int:
        """Where what is no markup ends; at once, if nothing ends it."""
        found = None
        if name not in self._endless:
            found = re.compile(f"</{name}", re.IGNORECASE).search(self._text, at)
        if not found:
            self._endless.add(name)
        return found.start() if found else at

    def _begun(self, name: str, rest: str) -> Iterator[str]:
        if name in {"br", "wbr"}:
            yield " " if name == "br" else ""
            return
        name = "span" if name in FORMATTING else name
        if name in ENDS or name == "a":
            yield from self._close(self._outermost(ENDS.get(name, frozenset({"a"})), REACH[name]))
        yield f"<{name}{''.join(_attributes(rest))}>"
        if name not in EMPTY:
            self._open.append(name)

    def _ended(self, name: str) -> Iterator[str]:
        name = "span" if name in FORMATTING else name
        yield from self._close(self._nearest(name, REACH[name]))

    def _outermost(self, names: frozenset[str], within: frozenset[str]) -> int:
        """Where the first of `names` was opened that is not shut off from here."""
        found = len(self._open)
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth] in names:
                found = depth
            elif self._open[depth] not in within:
                break
        return found

    def _nearest(self, name: str, within: frozenset[str]) -> int:
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth] == name:
                return depth
            if self._open[depth] not in within:
                break
        return len(self._open)

    def _close(self, depth: int) -> Iterator[str]:
        while len(self._open) > depth:
            name = self._open.pop()
            yield f"</{name}>" if name in INLINE else f" </{name}>"


def _letters(text: str) -> str:
    return text[:RUN].replace("<", "&lt;").replace(">", "&gt;")


def _attributes(rest: str) -> Iterator[str]:
    for number, found in enumerate(_ATTRIBUTE.finditer(rest)):
        if number == ATTRIBUTES:
            break
        value = found[2] or found[3] or found[4] or ""
        if len(value) <= VALUE and _ATTRIBUTE_NAME.fullmatch(found[1]):
            quoted = _letters(value).replace('"', "&quot;")
            yield f' {found[1]}="{quoted}"'
