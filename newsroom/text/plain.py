"""Turns what a feed sends into plain text: bytes of an uncertain encoding into letters, and markup into words."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator

MARKUP = 200_000  # characters of one field that are looked at; more is no lead but a book
SILENT = frozenset({"script", "style", "template", "iframe", "noscript", "svg", "math", "object"})
_ELEMENTS_WORDS = (
    "a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button canvas caption "
    "center cite code col colgroup data dd del details dfn dialog dir div dl dt em embed fieldset figcaption "
    "figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i img input ins kbd "
    "label legend li link main map mark menu meta meter nav nobr ol optgroup option output p param picture pre "
    "progress q rp rt ruby s samp section select small source span strike strong sub summary sup table tbody td "
    "textarea tfoot th thead time title tr track tt u ul var video wbr"
)
ELEMENTS = frozenset(_ELEMENTS_WORDS.split()) | SILENT
_INLINE_WORDS = (
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark nobr q s samp small span strike "
    "strong sub sup tt u var wbr"
)
INLINE = frozenset(_INLINE_WORDS.split())

_SPACE = re.compile(r"[\s\u200b\ufeff\x00-\x1f\x7f\ud800-\udfff]+")
# Neither alternative steps over a «<», so looking for tags takes time in proportion to the text, whatever the text.
_REST = r"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*|[^<>]*"""
_TAG = re.compile(rf"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9:-]{{0,40}})(?![A-Za-z0-9:-])(?P<rest>{_REST})>")
_MARK = re.compile(rf"{_TAG.pattern}|<!--|<[!?](?=[A-Za-z\[])")
_SRC = re.compile(r"""(?:^|\s)src\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s"'>]+))""", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_HTTP_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SINGLE_BYTE = re.compile(r"^(windows|cp|iso8859|koi8|mac|latin)")
_COMMON = frozenset("оеаинтсрвлкмдпу")  # three quarters of any Russian text
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


def collapse(text: str) -> str:
    """One space between words, none at the ends, no characters that cannot be seen."""
    return _SPACE.sub(" ", text).strip()


def plain(markup: str) -> str:
    """The words of a piece of markup, as a person would read them aloud."""
    return collapse("".join(html.unescape(piece) for piece in _words(markup[:MARKUP])))


def images_in(markup: str) -> tuple[str, ...]:
    """The addresses of the pictures a piece of markup shows, as written."""
    tags = (tag for tag in _TAG.finditer(markup[:MARKUP]) if tag["name"].lower() == "img" and not tag["end"])
    sources = (_SRC.search(tag["rest"]) for tag in tags)
    return tuple(html.unescape(found[1] or found[2] or found[3]) for found in sources if found)


def _words(markup: str) -> Iterator[str]:
    """What stands between the tags; html.parser is not asked, because hostile markup keeps it busy for minutes."""
    position = 0
    while mark := _MARK.search(markup, position):
        yield markup[position : mark.start()]
        name = (mark["name"] or "").lower()
        position = mark.end()
        if not name:  # a comment, a declaration or CDATA
            position = _after(markup, "-->" if mark.group() == "<!--" else ">", position)
        elif name in SILENT and not mark["end"] and not mark["rest"].endswith("/"):
            closing = re.compile(f"</{name}", re.IGNORECASE).search(markup, position)
            position = _after(markup, ">", closing.end()) if closing else len(markup)
        elif name not in ELEMENTS:
            yield mark.group()
        elif name not in INLINE:
            yield " "
    yield markup[position:]


def _after(markup: str, closing: str, position: int) -> int:
    found = markup.find(closing, position)
    return len(markup) if found < 0 else found + len(closing)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words, with an ellipsis where something was cut."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head).rstrip() + "…"


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a document whose declared encoding may be missing or wrong.

    A byte order mark is believed; UTF-8 is believed whenever the bytes are UTF-8, whatever is declared, because no
    other text looks like it; then the header, then the declaration, and at last the letters themselves decide.
    """
    if not body:
        return ""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, errors="replace")
    if body[:4] in (b"<\x00?\x00", b"\x00<\x00?"):
        return body.decode("utf-16-le" if body[0] else "utf-16-be", errors="replace")
    declared = _declared(body, content_type)
    for name in declared:
        if not _SINGLE_BYTE.match(name) and name not in {"utf-8", "ascii"}:
            text = _strictly(body, name)
            if text is not None:
                return text
    return _as_utf8(body) or _as_declared(body, declared) or body.decode(_guess(body), errors="replace")


def _declared(body: bytes, content_type: str) -> list[str]:
    found = [match.group(1) for match in [_HTTP_CHARSET.search(content_type)] if match]
    found += [match.group(1).decode() for match in [_XML_ENCODING.match(body[:400])] if match]
    names = []
    for name in found:
        try:
            names.append(codecs.lookup(_WIDER.get(name.lower(), name)).name)
        except LookupError:
            continue
    return names


# What the name says and what people who write it mean, after the WHATWG Encoding Standard.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "iso-8859-1": "cp1252", "latin1": "cp1252"}


def _strictly(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except (UnicodeError, LookupError):  # «hex» and «zip» are codecs too, but not of letters
        return None


def _as_utf8(body: bytes) -> str | None:
    text = body.decode("utf-8", errors="replace")
    broken = text.count("\ufffd") - body.count(b"\xef\xbf\xbd")
    letters = sum(1 for byte in body if byte >= 0xC0)  # lead bytes
    # A feed cut inside a letter, or one bad byte in a long text, is still UTF-8; a wrong encoding breaks most letters.
    return text if broken == 0 or broken * 10 < letters else None


def _as_declared(body: bytes, declared: list[str]) -> str | None:
    for name in declared:
        if _SINGLE_BYTE.match(name):
            return body.decode(name, errors="replace")
    return None


def _guess(body: bytes) -> str:
    """windows-1251, koi8-r, gb18030 or windows-1252, by the letters each would make of a sample."""
    sample = body[:100_000]
    runs = _HIGH_RUN.findall(sample)
    high = sum(len(run) for run in runs)
    if high < 2 * len(runs):
        return "cp1252"  # accents stand alone among Latin letters
    shares = {
        name: sum(1 for letter in sample.decode(name, errors="replace") if letter in _COMMON) / high
        for name in ("cp1251", "koi8-r", "cp866")
    }
    best = max(shares, key=lambda name: shares[name])
    han = sum(1 for letter in sample.decode("gb18030", errors="replace") if "一" <= letter <= "龥") * 2 / high
    pairs = sum(1 for run in runs if len(run) % 2 == 0) / len(runs)
    if shares[best] < 0.4 and han > 0.5 and pairs > 0.9:
        return "gb18030"
    return best
