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
_BIGRAMS_WORDS = (
    "ст но то на ен ов ни ра во ко ро ре по ли го ер ос ка от ол ва де ан пр ла та ом ет ал ор не да те ит ат ны ел ле "
    "ми ес ис од ве ар ин ог об за ск ки ав им ло ий ой ть ия ие ри ти тр ог ил со мо се ну ам ме ви до ди ке ма ши че "
    "ас ем из ым ах он св вс ча ся ед ег уд ук"
)
_BIGRAMS = frozenset(_BIGRAMS_WORDS.split())  # about half of the pairs of letters in any Russian text
_HAN = frozenset(  # about a third of any Chinese text, simplified or traditional
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学"
    "法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外"
    "天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军"
    "很情最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计"
    "這為個國時來們於對會發動過說產種後學經進著裡現實兩體機當點從業應開還與關線內數變條沒結問無軍題員總設長資邊級圖"
)
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_HANZI = re.compile(rb"([\xa1-\xa3\xb0-\xd7][\xa1-\xfe])|[\xa1-\xf7][\xa1-\xfe]|\?")  # the common ones, the others
_SAMPLE = 60_000  # bytes that are looked at to tell one encoding from another
_PLAIN = 0.25  # a text as likely as this is a text
_OUT_OF_STEP = re.compile("[\ue000-\uf8ff\ufffd]")  # what pairs of bytes say that do not belong together
_MENDED = 20  # places in one document; more is no broken byte but another encoding
_LINE = 300  # bytes without a Latin letter, a digit or a tag between them
_FORM = 0.3  # how likely letters are that could be Chinese, whatever they mean
_CLEARLY = 0.2  # so much likelier a guess must be than what was declared


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
    other text looks like it; then the header and the declaration, unless the letters themselves clearly disagree.
    """
    if not body:
        return ""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, errors="replace")
    if body[:2] in (b"<\x00", b"\x00<"):
        return body.decode("utf-16-le" if body[0] else "utf-16-be", errors="replace")
    # UTF-16 without a mark was settled just now: where the bytes are others, its name is not true.
    declared = [name for name in _declared(body, content_type) if not name.startswith("utf")]
    if declared and declared[0].startswith("iso2022"):  # written in ASCII, so it would pass for UTF-8
        return body.decode(declared[0], errors="replace")
    text = _as_utf8(body)
    if text is not None:
        return text
    name = _likeliest(body, declared)
    return _in_step(body) if name == "gb18030" else body.decode(name, errors="replace")


def _declared(body: bytes, content_type: str) -> list[str]:
    found = [match.group(1) for match in [_HTTP_CHARSET.search(content_type)] if match]
    found += [match.group(1).decode() for match in [_XML_ENCODING.match(body[:400])] if match]
    names = []
    for name in found:
        try:
            known = codecs.lookup(_WIDER.get(name.lower(), name)).name
            b"\x80".decode(known, errors="replace")
        except (LookupError, UnicodeError):  # «hex» and «idna» are codecs too, but not of letters
            continue
        if known not in {"ascii", "punycode"} and "escape" not in known:
            names.append(known)
    return names


# What the name says and what people who write it mean, after the WHATWG Encoding Standard.
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "iso-8859-1": "cp1252", "latin1": "cp1252"}


_NO_LEAD_BYTES = bytes(range(0xC0))


def _as_utf8(body: bytes) -> str | None:
    text = body.decode("utf-8", errors="replace")
    broken = text.count("\ufffd") - body.count(b"\xef\xbf\xbd")
    letters = len(body.translate(None, _NO_LEAD_BYTES))
    # A feed cut inside a letter, or one bad byte in a long text, is still UTF-8; a wrong encoding breaks most letters.
    return text if broken == 0 or broken * 10 < letters else None


# What is written where nobody has looked: an editor's, an engine's or a server's default. The others are meant.
_DEFAULTS = frozenset({"cp1252", "iso8859-1", "cp1251", "koi8-r", "cp866", "gb18030"})
_GUESSES = ("cp1251", "koi8-r", "cp866", "gb18030")  # a tie goes to the first


def _likeliest(body: bytes, declared: list[str]) -> str:
    """The declared encoding, unless it is a mere default and another one makes words where it makes none."""
    for name in declared:
        if name not in _DEFAULTS and _strictly(body, name):
            return name
    sample = body[:_SAMPLE]
    runs = _HIGH_RUN.findall(sample)
    if sum(map(len, runs)) < 2 * len(runs):  # accents stand alone among Latin letters
        return declared[0] if declared else "cp1252"
    likely = {name: _likelihood(sample.decode(name, errors="replace")) for name in (*declared, *_GUESSES)}
    best = max(likely, key=lambda name: likely[name])
    for name in declared:
        if likely[best] < max(_PLAIN, likely[name] + _CLEARLY):
            return name
    return best


def _in_step(body: bytes) -> str:
    """Chinese, two bytes a letter: after a broken byte, back in step before the end of the line."""
    text = body.decode("gb18030", errors="replace")
    if not _OUT_OF_STEP.search(text) or sum(len(run) % 2 for run in _HIGH_RUN.findall(body)) > _MENDED:
        return text  # nothing is broken; or second bytes may be ASCII here, so that lines cannot be told
    left = _MENDED
    pieces: list[bytes] = []
    position = 0
    for run in _HIGH_RUN.finditer(body):
        if not left:
            break
        if len(run[0]) <= _LINE and _OUT_OF_STEP.search(run[0].decode("gb18030", errors="replace")):
            left -= 1
            pieces += [body[position : run.start()], _without_the_broken(run[0])]
            position = run.end()
    return b"".join([*pieces, body[position:]]).decode("gb18030", errors="replace")


def _without_the_broken(run: bytes) -> bytes:
    """The run less the byte or two that make most sense to leave out, rather at its end than in its middle."""
    ways = [run, run[:-1], run[1:]]
    ways += [run[:place] + run[place + lost :] for lost in (1, 2) for place in range(len(run) - lost + 1)]
    return max(ways, key=lambda way: _common_hanzi(way) - len(way) / 2)  # each letter counts that is not common


def _common_hanzi(letters: bytes) -> int:
    return sum(bool(found[1]) for found in _HANZI.finditer(letters))


def _strictly(body: bytes, name: str) -> bool:
    try:
        body.decode(name)
    except UnicodeError:
        return False
    return True


def _likelihood(text: str) -> float:
    """From 0 to 1, how much of what is not ASCII looks like Russian or like Chinese."""
    runs = _FOREIGN.findall(text)
    pairs = [run[place : place + 2] for run in runs for place in range(len(run) - 1)]
    return max(sum(map(_russian, pairs)) / len(pairs), _chinese("".join(runs))) if pairs else 0.0


def _russian(pair: str) -> float:
    # A wrong Cyrillic encoding turns small letters into capitals, and whole words inside out: «лЩП аХЬЙЕЙЮ».
    if pair[1].isupper():
        return -1.0 if pair[0].islower() else 0.7 * (pair.lower() in _BIGRAMS)
    return float(pair.lower() in _BIGRAMS)


def _chinese(letters: str) -> float:
    words = sum(letter in _HAN for letter in letters) / len(letters)
    return max(words, _FORM if _common_hanzi(letters.encode("gb2312", errors="replace")) > 0.9 * len(letters) else 0.0)
