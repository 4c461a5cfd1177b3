"""Looks at a feed's markup before anybody parses it: disarms its DOCTYPE, and refuses shapes that take for ever."""

from __future__ import annotations

import html.entities
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

SKIPPED: Final = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
ROOT: Final = re.compile(r"<(?:[\w.-]+:)?(\w+)")
ENTITY: Final = re.compile(r"""<!ENTITY\s+([A-Za-z]\w{0,30})\s+(?:"([^"&%<]{0,100})"|'([^'&%<]{0,100})')\s*>""")
DOCTYPE_MARK: Final = re.compile(r"""\[|\]|>|<!--|["']""")
REFERENCE: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z]\w{0,30});")  # XML knows those itself

# As in newsroom.text.plain: nothing steps over a «<», so that a walk takes time in proportion to the text.
_REST: Final = r"""[^<>"']*+(?:"[^"<]*+"[^<>"']*+|'[^'<]*+'[^<>"']*+)*+"""
MARK: Final = re.compile(
    rf"<(?P<end>/?)(?P<name>[^\W\d][^\s<>/\"'=]{{0,100}})(?P<rest>{_REST}|[^<>]*+)>|<!\[CDATA\[|<!--|<\?|<"
)
CLOSINGS: Final = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}

ATTRIBUTES: Final = 500  # 100,000 attributes on one tag keep feedparser busy for 79 s
WORDS: Final = 2_000  # attributes without a value
LEVELS: Final = 1_000  # 200,000 tags inside one another: 8 s
TAGS: Final = 500_000  # a million empty items: 17 s; the longest feed we take has 100,000 tags when it means well
STRAY: Final = 2_000  # 9 million «<» in a row: 13 s and 400 MB


@dataclass(frozen=True, slots=True)
class Prolog:
    """What stands before a document: where it ends, the entities it declares, and the name of the root after it."""

    end: int
    entities: Mapping[str, str]
    root: str


def prolog_of(text: str) -> Prolog:
    """What to leave off: without its DOCTYPE a document's entities neither fetch, nor nest, nor multiply."""
    position = text.find("<")
    if position < 0:
        return Prolog(0, {}, "")
    declared: dict[str, str] = {}
    while True:
        if match := SKIPPED.match(text, position):
            position = match.end()
        elif text[position : position + 9].upper() == "<!DOCTYPE":
            end = _doctype_end(text, position)
            declared |= {name: one or two for name, one, two in ENTITY.findall(text[position:end])[:100]}
            position = end
        else:
            break
    root = ROOT.match(text, position)
    return Prolog(position, declared, root.group(1).lower() if root else "")


def with_letters(text: str, declared: Mapping[str, str]) -> str:
    """Entities that stand for a few plain letters put in by hand; HTML's own are known without being declared."""
    return REFERENCE.sub(lambda found: _reference(found, declared), text)


def _doctype_end(text: str, start: int) -> int:
    """Where a DOCTYPE ends, with what it declares between square brackets; the end of the text if it never does."""
    inside = False
    position = start + len("<!DOCTYPE")
    while mark := DOCTYPE_MARK.search(text, position):
        position = mark.end()
        match mark.group():
            case "[":
                inside = True
            case "]":
                inside = False
            case ">":
                if not inside:
                    return position
            case opening:  # a comment or a quotation, in which nothing counts but its end
                closing = "-->" if opening == "<!--" else opening
                end = text.find(closing, position)
                if end < 0:
                    break
                position = end + len(closing)
    return len(text)


def _reference(found: re.Match[str], declared: Mapping[str, str]) -> str:
    name = found.group(1)
    if name in declared:
        return declared[name]
    letters = html.entities.html5.get(name + ";")
    return found.group() if letters is None or letters in "<&" else letters


def marks(text: str) -> Iterator[re.Match[str]]:
    """Every tag, and every «<» that begins none; what stands in a comment or in CDATA is no markup."""
    position = 0
    while mark := MARK.search(text, position):
        position = mark.end()
        closing = CLOSINGS.get(mark.group()) if mark["name"] is None else None
        if closing is None:
            yield mark
            continue
        end = text.find(closing, position)
        if end < 0:
            return
        position = end + len(closing)


def what_is_wrong(text: str) -> str | None:
    """Why nobody should try to parse this, in one sentence, or None; takes time in proportion to the text."""
    open_names: list[str] = []
    open_times: Counter[str] = Counter()
    stray = 0
    for number, mark in enumerate(marks(text)):
        name, rest = mark["name"], mark["rest"]
        if number == TAGS:
            return f"The feed has more than {TAGS:,} tags."
        if name is None:
            stray += 1
            if stray > STRAY:
                return f"The feed has more than {STRAY} «<» that begin no tag."
        elif mark["end"]:
            if open_times[name]:
                while (closed := open_names.pop()) != name:
                    open_times[closed] -= 1
                open_times[name] -= 1
        else:
            if len(rest) > ATTRIBUTES and (rest.count("=") > ATTRIBUTES or len(rest.split()) > WORDS):
                return f"A tag of the feed has more than {ATTRIBUTES} attributes."
            if not rest.endswith("/"):
                open_names.append(name)
                open_times[name] += 1
                if len(open_names) > LEVELS:
                    return f"The feed has more than {LEVELS} tags inside one another."
    return None
