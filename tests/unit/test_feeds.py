"""What the reader makes of feeds: golden pairs, hostile ones, encodings, dates and markup."""

from __future__ import annotations

import encodings.aliases
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.feed_command import as_object
from bot.gateways.feed_dates import feed_date
from bot.gateways.feed_parsing import read_feed
from bot.gateways.feed_wire import FeedElsewhere
from newsroom.articles import FeedFailed, FeedRead
from newsroom.text.plain import decode, images_in, plain, shorten

GOLDEN = Path(__file__).parent.parent / "golden" / "feeds"
BISHKEK = ZoneInfo("Asia/Bishkek")


def read(body: bytes, content_type: str = "") -> FeedRead | FeedFailed:
    base = "https://news.example.kg/rss/all"
    result = read_feed(body, content_type=content_type, base_url=base, timezone=BISHKEK)
    assert not isinstance(result, FeedElsewhere)
    return result


def rss(items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>T</title>{items}</channel></rss>'.encode()


def articles(body: bytes) -> FeedRead:
    result = read(body)
    assert isinstance(result, FeedRead)
    return result


@pytest.mark.parametrize("path", sorted({*GOLDEN.glob("*.xml"), *GOLDEN.glob("*.feed")}), ids=lambda path: path.stem)
def test_golden_feeds(path: Path, request: pytest.FixtureRequest) -> None:
    got = json.dumps(as_object(path.name, read(path.read_bytes())), ensure_ascii=False, indent=1) + "\n"
    golden = path.with_suffix(".json")
    if request.config.getoption("--bless", default=False):
        golden.write_text(got, encoding="utf-8")
    assert got == golden.read_text(encoding="utf-8")


def test_the_header_may_name_the_encoding() -> None:
    body = rss("<item><title>Ош</title></item>".replace("Ош", "{}")).replace(b"{}", "Ош".encode("cp1251"))
    result = read(body, "text/xml; charset=windows-1251")
    assert isinstance(result, FeedRead)
    assert result.articles[0].title == "Ош"


def test_ids_do_not_move_with_the_feed() -> None:
    body = rss("<item><title>T</title><guid>7250</guid></item>")
    ids = set()
    for base in ("http://a.kg/rss", "https://b.kg/other/rss", ""):
        result = read_feed(body, content_type="", base_url=base, timezone=BISHKEK)
        assert isinstance(result, FeedRead)
        ids.add(result.articles[0].identity)
    assert ids == {"7250"}


def test_an_item_without_anything_to_go_by_has_a_stable_id() -> None:
    body = rss("<item><description>Only this</description></item>")
    assert articles(body).articles == articles(body).articles
    assert articles(body).articles[0].identity.startswith("sha256:")


def test_a_feed_cut_in_the_middle_loses_only_the_item_that_was_cut() -> None:
    whole = rss("<item><title>A</title><link>/view/1</link></item><item><title>B</title><link>/view/22</link></item>")
    for end in range(whole.index(b"</item>") + len("</item>"), whole.rindex(b"</item>")):
        assert [one.title for one in articles(whole[:end]).articles] == ["A"]


def test_entities_do_not_multiply() -> None:
    nest = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 30))
    head = f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY e0 "ha">{nest}]>'
    result = articles(head.encode() + rss("<item><title>a &e29; b</title></item>"))
    assert len(result.articles[0].title) < 50


def test_five_thousand_items_and_one_very_long_title() -> None:
    many = "".join(f"<item><title>{n}</title><guid>{n}</guid></item>" for n in range(5000))
    result = articles(rss(many + f"<item><title>{'long ' * 100_000}</title></item>"))
    assert len(result.articles) == 5001
    assert len(result.articles[-1].title) <= 1000


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    assert isinstance(read(noise), FeedRead | FeedFailed)
    assert isinstance(read(rss("<item><title>T</title>{}</item>").replace(b"{}", noise)), FeedRead | FeedFailed)


@given(st.text(alphabet="абвгдежзийклмнопрстуфхцчшщъыьэюяБКОН ,.", min_size=1).map(lambda text: "Новости " + text))
def test_russian_text_is_read_whatever_it_is_declared_as(text: str) -> None:
    for name in ("utf-8", "windows-1251", "koi8-r"):
        assert decode(f'<?xml version="1.0" encoding="{name}"?>{text}'.encode(name)).endswith(text)


RUSSIAN = "Мэр Бишкека рассказал о ремонте дорог на юге города"
CHINESE = "吉尔吉斯斯坦总统访问北京，比什凯克新机场开放"


@pytest.mark.parametrize(
    "called", ["", "utf-8", "us-ascii", "iso-8859-1", "windows-1252", "windows-1251", "koi8-r", "?"]
)
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("windows-1251", RUSSIAN),
        ("koi8-r", RUSSIAN),
        ("cp866", RUSSIAN),
        ("windows-1251", RUSSIAN.upper()),
        ("koi8-r", RUSSIAN.upper()),
        ("gb18030", CHINESE),
    ],
)
def test_the_letters_overrule_a_declaration_that_is_a_mere_default(encoding: str, text: str, called: str) -> None:
    declared = f' encoding="{called}"' if called else ""
    assert decode(f'<?xml version="1.0"{declared}?>{text}'.encode(encoding)).endswith(text)
    assert decode(text.encode(encoding), f"text/xml; charset={called}") == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("iso-8859-1", "Crème brûlée à la française"),
        ("iso-8859-1", "Über Nördlinger Straße"),
        ("iso-8859-2", "Příliš žluťoučký kůň úpěl"),
        ("windows-1253", "Κυβέρνηση και Βουλή"),
        ("iso-8859-7", "Κυβέρνηση και Βουλή"),
        ("windows-1254", "Işık göründü, çağrı şöyle"),
        ("windows-1255", "ממשלת ישראל"),
        ("windows-1256", "الحكومة الجديدة"),
        ("iso-8859-5", RUSSIAN),
        ("windows-1251", "Уряд і Верховна Рада України"),
        ("koi8-u", "Уряд і Верховна Рада України"),
        ("shift_jis", "日本の首相が北京を訪問"),
        ("euc-jp", "日本の首相が北京を訪問"),
        ("iso-2022-jp", "日本の首相が北京を訪問"),
        ("euc-kr", "한국 대통령 방문"),
        ("big5", "總統訪問北京的新聞"),
        ("gb2312", CHINESE),
    ],
)
def test_a_true_declaration_is_believed(encoding: str, text: str) -> None:
    assert decode(f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)).endswith(text)
    assert decode(text.encode(encoding), f"text/xml; charset={encoding}") == text


@pytest.mark.parametrize(
    "name", sorted(set(encodings.aliases.aliases.values()) | {"idna", "punycode", "undefined", "utf_8_sig"})
)
def test_no_name_of_an_encoding_breaks_the_reader(name: str) -> None:
    for body in (RUSSIAN.encode("cp1251"), RUSSIAN.encode(), b"\x81\x30\xff\\x", b"plain \\u0041"):
        assert decode(body, f"text/xml; charset={name}")
    assert decode(b"plain \\u0041", f"text/xml; charset={name}") in {"plain \\u0041", "plain ￥u0041", "plain ¥u0041"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize("called", ["", "utf-16", "windows-1251"])
def test_wide_letters_are_known_by_their_bytes(encoding: str, called: str) -> None:
    assert decode(f"<rss>{RUSSIAN}".encode(encoding), f"text/xml; charset={called}") == f"<rss>{RUSSIAN}"


@given(st.integers(0, 200), st.sampled_from([0xFF, 0x98, 0x01, 0x0B]), st.sampled_from(["", "declared"]))
def test_one_broken_byte_costs_a_letter_or_two(place: int, byte: int, declared: str) -> None:
    for encoding, text in (("utf-8", RUSSIAN), ("windows-1251", RUSSIAN), ("koi8-r", RUSSIAN), ("gb2312", CHINESE)):
        body = bytearray((f"{text} " * 3).encode(encoding))
        body[place % len(text)] = byte
        read_as = decode(bytes(body), f"text/xml; charset={encoding}" if declared else "")
        assert read_as.endswith(f"{text} {text} ")


@pytest.mark.parametrize("byte", [0xFF, 0x98, 0x01])
def test_a_broken_byte_nearly_always_costs_no_more_than_two_letters_of_a_chinese_line(byte: int) -> None:
    line = CHINESE.replace("，", "")
    costly = 0
    for place in range(len(line) * 2):
        body = bytearray(f"<title>{line}</title><p>{CHINESE}</p>".encode("gb2312"))
        body[len("<title>") + place] = byte
        read_as = decode(bytes(body)).partition("</title>")[0]
        costly += sum(letter not in read_as for letter in line) > 2
    assert costly <= 1


@pytest.mark.timeout(10)
def test_a_long_text_of_unknown_letters_takes_no_longer() -> None:
    for body in (bytes(range(128, 256)) * 40_000, b"\xe9 " * 2_000_000, RUSSIAN.encode("cp1251") * 50_000):
        assert decode(body)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Fri, 20 Feb 2026 07:36:00 +0600", "2026-02-20T01:36"),
        ("Пт, 20 фев 2026 07:36:00 +0600", "2026-02-20T01:36"),
        ("пятница, 20 февраля 2026 г. 07:36", "2026-02-20T01:36"),
        ("20 February 2026, 07:36", "2026-02-20T01:36"),
        ("2026-02-20T07:36:00+06:00", "2026-02-20T01:36"),
        ("2026-02-20T01:36:00.123Z", "2026-02-20T01:36"),
        ("2026-02-20 07:36:00.5+06", "2026-02-20T01:36"),
        ("20 Feb 2026 07:36 GMT+6", "2026-02-20T01:36"),
        ("20 Feb 2026 07:36 +600", "2026-02-20T01:36"),
        ("2026-02-20 07:36", "2026-02-20T01:36"),
        ("2026-02-20", "2026-02-19T18:00"),
        ("20.02.2026 07:36", "2026-02-20T01:36"),
        ("Feb 20, 2026 07:36", "2026-02-20T01:36"),
        ("Fri, 20 Feb 2026 04:36:00 MSK", "2026-02-20T01:36"),
        ("20 Feb 26 01:36 GMT", "2026-02-20T01:36"),
        ("Пт, 20 фев 26 07:36:00 +0600", "2026-02-20T01:36"),
        ("20.02.26", "2026-02-19T18:00"),
        ("20.02.26 07:36", "2026-02-20T01:36"),
        ("20.02.26, 07:36", "2026-02-20T01:36"),
        ("20.02.99 07:36", "1999-02-20T02:36"),
        ("28 октября 2021 06:19", "2021-10-28T00:19"),
        ("28 октября 2021 в 06:19", "2021-10-28T00:19"),
        ("28 октября 2021 года, 06:19", "2021-10-28T00:19"),
        ("06:19, 28 октября 2021", "2021-10-28T00:19"),
        ("06:19 28.10.21", "2021-10-28T00:19"),
        ("Сегодня 07:36", "2026-02-21T01:36"),
        ("сегодня, 07:36", "2026-02-21T01:36"),
        ("Сегодня в 07:36", "2026-02-21T01:36"),
        ("07:36, сегодня", "2026-02-21T01:36"),
        ("Вчера 07:36", "2026-02-20T01:36"),
        ("Вчера, 07:36:10", "2026-02-20T01:36"),
        ("позавчера 07:36", "2026-02-19T01:36"),
        ("Yesterday at 07:36", "2026-02-20T01:36"),
        ("Вчера", "2026-02-19T18:00"),
        ("Вчера 04:36 MSK", "2026-02-19T01:36"),
        ("Сегодня 25:61", None),
        ("31.02.26", None),
        ("Wed, 31 Feb 2026 07:00:00 +0600", None),
        ("01 Jan 0001 00:00:00 +0600", None),
        ("20 Feb 2026 07:36 +99:99", None),
        ("не дата", None),
    ],
)
def test_dates_as_people_write_them(written: str, moment: str | None) -> None:
    expected = None if moment is None else datetime.fromisoformat(moment).replace(tzinfo=UTC)
    found = feed_date(written, BISHKEK, datetime(2026, 2, 20, 20, 0, tzinfo=UTC))  # two in the morning in Bishkek
    assert (found and found.replace(second=0)) == expected


def test_today_is_no_date_where_nobody_says_when_that_is() -> None:
    assert feed_date("Сегодня 07:36", BISHKEK) is None


@given(st.text(max_size=40))
def test_no_date_breaks_the_reader(written: str) -> None:
    found = feed_date(written, BISHKEK, datetime.max.replace(tzinfo=UTC))
    assert found is None or found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("a&amp;nbsp;b", "a&nbsp;b"),
        ("<p>One</p><p>Two<b>!</b></p>", "One Two!"),
        ("1 < 2 & 3", "1 < 2 & 3"),
        ("List<String> <i>x</i>", "List<String> x"),
        ("<style>p{}</style>seen<script>if (a<b) hidden()</script>", "seen"),
        ('<img alt="a > b" src="x">after <!-- not > this -->all<br/>lines', "after all lines"),
        ("<script>never closed", ""),
        ("broken <a href='", "broken <a href='"),
        ("  a\n\tb\u00a0c ", "a b c"),
    ],
)
def test_markup_becomes_words(markup: str, words: str) -> None:
    assert plain(markup) == words


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ["<", "<a ", "<!--", "<!x", "<b>", '<a "', "<a='", "&#", "</", "<script>", "<svg></"])
def test_hostile_markup_takes_no_longer(piece: str) -> None:
    markup = piece * (200_000 // len(piece))
    assert len(articles(rss(f"<item><title>T</title><description><![CDATA[{markup}]]></description></item>")).articles)
    assert isinstance(read(f"<!DOCTYPE rss [{markup}".encode()), FeedFailed)
    images_in(markup)


def test_pictures_are_found_in_markup() -> None:
    assert images_in('<p><IMG alt="x" src="/a.jpg"><img src="b.png"/></p>') == ("/a.jpg", "b.png")


@given(st.text(), st.integers(1, 40))
def test_a_shortened_text_is_never_longer(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit


JSON = '{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [%s]}'


@pytest.mark.parametrize(
    ("item", "field", "value"),
    [
        ('{"id": 7250}', "identity", "7250"),
        ('{"id": "https://a.kg/1"}', "link", "https://a.kg/1"),
        ('{"id": "1", "url": "javascript:alert(1)"}', "link", ""),
        ('{"id": "1", "external_url": "/view/1"}', "link", "https://news.example.kg/view/1"),
        ('{"id": "1", "title": "A &amp; B"}', "title", "A & B"),
        ('{"id": "1", "title": "1 < 2"}', "title", "1 < 2"),
        ('{"id": "1", "title": ["x"]}', "title", ""),
        ('{"id": "1", "content_html": "<p>One</p><p>Two</p>"}', "lead", "One Two"),
        ('{"id": "1", "content_text": "a < b"}', "lead", "a < b"),
        ('{"id": "1", "title": "Same", "summary": "Same"}', "lead", ""),
        ('{"id": "1", "banner_image": "/b.jpg"}', "image", "https://news.example.kg/b.jpg"),
        ('{"id": "1", "content_html": "<img src=/c.jpg>"}', "image", "https://news.example.kg/c.jpg"),
        ('{"id": "1", "tags": ["a", 1, "a", "b"]}', "categories", ("a", "b")),
        (
            '{"id": "1", "date_published": "2026-02-20T07:36:00+06:00"}',
            "published",
            datetime(2026, 2, 20, 1, 36, tzinfo=UTC),
        ),
        ('{"id": "1", "date_published": 5, "attachments": 7, "tags": "x"}', "published", None),
    ],
)
def test_items_of_json_follow_the_same_rules(item: str, field: str, value: object) -> None:
    assert getattr(articles((JSON % item).encode()).articles[0], field) == value


def test_a_broken_item_of_json_costs_no_other() -> None:
    result = articles((JSON % '1, null, [], {"id": "1", "title": "A"}, {"id": {}}, {"id": "2", "title": "B"}').encode())
    assert [one.title for one in result.articles if one.title] == ["A", "B"]


@pytest.mark.parametrize(
    "body", ["{", "[]", "{}", '{"items": []}', '{"version": "1", "items": []}', '{"a": ' + "1" * 9999]
)
def test_other_json_is_no_feed(body: str) -> None:
    result = read(body.encode(), "application/json")
    assert isinstance(result, FeedFailed)
    assert result.outcome == "not_a_feed"
