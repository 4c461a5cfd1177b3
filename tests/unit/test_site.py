"""What is read from the pages of articles: golden pairs, hostile ones, and a server that is slow, wrong or gone."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.gateways.http import Fetcher
from bot.gateways.markup import DEEP, tidied
from bot.gateways.site import Adapter, Selectors, Site, read_page
from newsroom.errors import ConfigError
from newsroom.pages import ArticlePage

GOLDEN = Path(__file__).parent.parent / "golden" / "pages"
URL = "https://www.news-asia.ru/view/5/7250"
MEGABYTE = 2**20
LONG = 3.0  # seconds; a quarter of one is usual on an idle machine


def read(
    markup: str | bytes, adapter: Adapter = "news-asia", selectors: Selectors | None = None, content_type: str = ""
) -> ArticlePage:
    body = markup if isinstance(markup, bytes) else markup.encode()
    page = read_page(body, content_type=content_type, url=URL, adapter=adapter, selectors=selectors)
    assert page is not None
    return page


def content(inner: str) -> str:
    return f"<meta charset=utf-8><h1>Мост в долине</h1><div class='content'>{inner}</div>"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.html")), ids=lambda path: path.stem)
def test_golden_pages(path: Path, request: pytest.FixtureRequest) -> None:
    adapter: Adapter = "news-asia" if path.stem.startswith("news-asia") else "generic"
    page = read_page(path.read_bytes(), content_type="text/html", url=URL, adapter=adapter)
    got = json.dumps(page and dataclasses.asdict(page), ensure_ascii=False, indent=1) + "\n"
    golden = path.with_suffix(".json")
    if request.config.getoption("--bless", default=False):
        golden.write_text(got, encoding="utf-8")
    assert got == golden.read_text(encoding="utf-8")


def test_a_wrong_header_does_not_spoil_the_letters() -> None:
    body = (GOLDEN / "news-asia-cp1251.html").read_bytes()
    for said in ("", "text/html", "text/html; charset=windows-1251", "text/html; charset=utf-8"):
        assert read(body, content_type=said).breadcrumb == ("Кыргызстан", "Общество")


@pytest.mark.parametrize(
    "line",
    [
        "23 сентября 2014 12:32    Просмотров: 13917",
        "пятница, 20 февраля 2026",
        "Сегодня 07:36     Комментарии [0]",
        "Айгерим Выдуманная, © News-Asia",
        "© News-Asia",
        "Отдел новостей, © Степной вестник",
        "Просмотров: 5",
        "13917",
        "Фото пресс-службы аила",
        "Мост в долине",
        "***",
        "&nbsp;",
    ],
)
def test_what_stands_around_an_article_is_no_lead(line: str) -> None:
    assert read(content(f"<p>{line}</p><p>Слова.</p>")).lead == "Слова."
    assert read(content(f"<p>{line}</p>")).lead == ""


@pytest.mark.parametrize(
    "sentence",
    [
        "20 февраля 2026 года в аиле открыли мост.",
        "Сегодня в аиле открыли мост.",
        "Сегодня в 07:36 открыли мост.",
        "Фотографы сняли мост.",
        "Просмотров у ролика много.",
        "Автор моста неизвестен.",
        "– Мост хороший, – говорят в аиле.",
    ],
)
def test_a_sentence_that_begins_like_them_is_kept(sentence: str) -> None:
    assert read(content(f"<p>{sentence}</p>")).lead == sentence


def test_a_line_of_furniture_does_not_take_its_paragraph_along() -> None:
    line = "23 сентября 2014 12:32 Просмотров: 13917<br>Айгерим Выдуманная, © News-Asia<br>"
    assert read(content(f"<p>{line}Мост открыт.</p>")).lead == "Мост открыт."


def test_only_paragraphs_of_the_article_itself_are_its_lead() -> None:
    page = read(content("<div><p>Вложено.</p></div><ul><li><p>И это.</p></ul><p>Слова.</p>") + "<p>Снаружи.</p>")
    assert page.lead == "Слова."


def test_a_short_paragraph_is_joined_by_the_next_and_a_long_one_is_not() -> None:
    assert read(content("<p>Раз.<p>Два.")).lead == "Раз. Два."
    assert read(content("<p>Раз<p>«Два!»<p>Три")).lead == "Раз. «Два!» Три"
    assert read(content(f"<p>{'Слово ' * 60}<p>Два.")).lead.endswith("Слово")


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ('<img src="/a.jpg">', "https://www.news-asia.ru/a.jpg"),
        ('<img src="b.jpg">', "https://www.news-asia.ru/view/5/b.jpg"),
        ('<img src="//cdn.example/a b.jpg">', "https://cdn.example/a%20b.jpg"),
        ('<p><a href="/x"><img src="/blank.gif" data-src="/a.jpg?w=1&amp;h=2"></a>', "https://www.news-asia.ru/a.jpg?w=1&h=2"),
        ('<img width="1" src="/a.jpg">', None),
        ('<img height="16px" src="/a.jpg">', None),
        ('<img src="data:image/png;base64,AAAA">', None),
        ('<img src="javascript:alert(1)">', None),
        ('<img src="file:///etc/passwd">', None),
        ('<img src="https://user:word@e.kg/a.jpg">', None),
        ('<img src="http://[broken/a.jpg">', None),
        ('<img src="https://mc.yandex.ru/watch/123">', None),
        ('<img src="/img/logo.png">', None),
        ('<img src="/img/print-icon.gif">', None),
        ('<img src="/a.svg">', None),
        (f'<img src="/{"a" * 3000}.jpg">', None),
        ("<img>", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_first_picture_that_may_be_one(image: str, found: str | None) -> None:
    assert read(content(image)).image == found


def test_the_picture_the_page_calls_its_own_comes_first() -> None:
    own = '<meta property="og:image" content="/own.jpg">'
    assert read(own + content('<img src="/a.jpg">')).image == "https://www.news-asia.ru/own.jpg"
    empty = '<meta property="og:image" content="">'
    assert read(empty + content('<img src="/a.jpg">')).image == "https://www.news-asia.ru/a.jpg"


@pytest.mark.parametrize(
    ("markup", "steps"),
    [
        ("<span>Кыргызстан / Общество</span>", ("Кыргызстан", "Общество")),
        ("<a href=/kz>Казахстан</a> / <a>Экономика</a> <a href=/rss>RSS</a>", ("Казахстан", "Экономика")),
        ("<td>Центральная Азия / Культура / Кино</td>", ("Центральная Азия", "Культура", "Кино")),
        ("<p>Поезд Кыргызстан / Казахстан пойдёт чаще</p>", ()),
        ("<p>Страна / Общество</p>", ()),
        ("<p>Кыргызстан</p><p>/ Общество</p>", ()),
    ],
)
def test_the_breadcrumb_is_found_by_its_words(markup: str, steps: tuple[str, ...]) -> None:
    assert read(f"<div>{markup}</div><h1>Мост</h1>").breadcrumb == steps


@pytest.mark.parametrize(
    ("markup", "graphic"),
    [
        (content("<p>18+</p><p>Слова.</p>"), True),
        (content("<p><b>18+</b> Лавина сошла на дорогу, и тянется она далеко-далеко, за самый перевал.</p>"), True),
        (content("<p>Слабонервным не смотреть</p>"), True),
        ('<meta name="rating" content="RTA-5042-1996-1400-1577-RTA">' + content("<p>Слова.</p>"), True),
        ("<h1>Лавина (18+)</h1>", True),
        (content("<p>Слова.</p>") + "<div>18+ © News-Asia</div>", False),
        (content("<p>В 2018+ годах лавин не было, и шок от цен прошёл.</p>"), False),
        ('<meta name="rating" content="general">' + content("<p>Слова.</p>"), False),
    ],
)  # fmt: skip
def test_a_page_is_graphic_only_when_it_says_so(markup: str, graphic: bool) -> None:
    assert read(markup).graphic is graphic


def test_selectors_come_before_what_the_page_says_of_itself() -> None:
    selectors = Selectors(title="article h1", lead="p.lead", image="figure img", breadcrumb=".crumbs")
    page = read((GOLDEN / "generic-og.html").read_bytes(), "generic", selectors)
    assert page == ArticlePage(
        "A bridge", "Villagers built it.", "https://www.news-asia.ru/media/real.jpg", ("World", "Society"), graphic=True
    )
    missing = Selectors(title="h7", lead=".no", image=".no", breadcrumb="nav a")
    page = read((GOLDEN / "generic-og.html").read_bytes(), "generic", missing)
    assert (page.title, page.lead) == ('A bridge of "stone"', "Fifty villagers & one camel.")
    assert (page.image, page.breadcrumb) == ("https://www.news-asia.ru/media/bridge.webp", ("World", "Society"))


@pytest.mark.parametrize("selector", ["h1:::", ">>", "[a=", ".x,", "div{"])
async def test_a_selector_that_is_none_is_said_at_once(selector: str) -> None:
    with pytest.raises(ConfigError, match=r"site\.selectors\.lead: .* is not a CSS selector"):
        Site(Fetcher(user_agent="test"), selectors=Selectors(lead=selector))


def filled(piece: str, size: int = 10 * MEGABYTE) -> str:
    return piece * (size // len(piece.encode()))


HOSTILE = {
    "100,000 nested blocks": "<div>" * 100_000,
    "10 MB of nested blocks": filled("<div>x"),
    "nested blocks that close nothing": filled("<span>" * 150 + "<div>" + "</span>" * 150),
    "unclosed tags": filled("<p><a href=x><table><tr><td><b>"),
    "unclosed paragraphs": filled("<p>слово "),
    "a tag without an end": "<div " + "x" * 10 * MEGABYTE,
    "5 MB in one attribute": '<div title="' + "x" * 5 * MEGABYTE + '">',
    "an attribute without an end": '<div title="' + "x" * 5 * MEGABYTE,
    "60,000 attributes": "<div " + " ".join(f"a{n}" for n in range(60_000)) + ">",
    "formatting left open": filled("<p>" + "".join(f"<b a{n}>" for n in range(150)) + "</p>" + "<p>x" * 10_000),
    "links in tables": filled("<table>x<a><td><a>"),
    "brackets": filled("<"),
    "comments": filled("<!--"),
    "ampersands": filled("&"),
    "drawings": filled("<svg><input><title>"),
    "quotation marks": filled("<x \"'"),
    "furniture": "<div class=content><p>" + filled("Просмотров: 1 "),
    "steps": filled("Россия / а / "),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("adapter", ["news-asia", "generic"])
def test_hostile_markup_is_read_in_a_moment(kind: str, adapter: Adapter) -> None:
    body = ('<meta property="og:title" content="Мост">' + HOSTILE[kind]).encode()
    began = time.perf_counter()
    page = read_page(body, url=URL, adapter=adapter)
    assert time.perf_counter() - began < LONG
    assert page is not None
    assert page.title == "Мост"


PIECES = [
    f"<{end}{name}>"
    for name in ["div", "p", "b", "a", "table", "tr", "td", "li", "ul", "svg", "title", "h1", "span", "script"]
    for end in ("", "/")
]
PIECES += ["<!--", "-->", "<br>", "<", ">", '"', "'", "&lt;", "слово"]


@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=80,
    )
)
def test_whatever_is_tidied_is_closed_and_stays_so(pieces: list[str]) -> None:
    once = tidied("".join(pieces))
    assert tidied(once).split() == once.split()


def test_nesting_is_cut_and_what_stood_before_it_is_kept() -> None:
    page = tidied("<h1>Мост</h1>" + "<div>" * 1000 + "глубоко")
    assert page.startswith("<h1>Мост </h1>")
    assert "глубоко" not in page
    assert page.count("<div>") <= DEEP + 1


@given(st.binary(max_size=400), st.sampled_from(["", "text/html; charset=utf-16", "text/html; charset=nonsense"]))
def test_any_bytes_are_a_page_or_none(body: bytes, content_type: str) -> None:
    for adapter in ("news-asia", "generic"):
        read_page(b"<h1>" + body, content_type=content_type, url=URL, adapter=adapter)


# ---- over HTTP


async def article(_: web.Request) -> web.Response:
    body = (GOLDEN / "news-asia-cp1251.html").read_bytes()
    return web.Response(body=body, headers={"Content-Type": "text/html; charset=windows-1251"})


async def slow(_: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


async def away(_: web.Request) -> web.Response:
    return web.Response(status=301, headers={"Location": "/view/5/7250"})


async def picture(_: web.Request) -> web.Response:
    return web.Response(body=b"\x89PNG", content_type="image/png")


async def empty(_: web.Request) -> web.Response:
    return web.Response(text="", content_type="text/html")


async def hostile(_: web.Request) -> web.Response:
    return web.Response(text=HOSTILE["100,000 nested blocks"], content_type="text/html")


async def brackets(_: web.Request) -> web.Response:
    return web.Response(body=HOSTILE["brackets"].encode()[:-1], content_type="text/html")


@pytest.fixture
async def home() -> AsyncIterator[str]:
    app = web.Application()
    paths = {"/view/5/7250": article, "/slow": slow, "/away": away, "/pic": picture, "/empty": empty, "/bad": hostile}
    paths["/brackets"] = brackets
    for path, handler in paths.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Fetcher(user_agent="Elchi test", allow_private=True) as fetcher:
        yield Site(fetcher, adapter="news-asia", patience=2.0)


async def test_a_page_is_fetched_and_read(home: str, site: Site) -> None:
    page = await site.article(f"{home}/view/5/7250")
    assert page is not None
    assert page.title == "Мост через Кичи-Суу построили 50 киргизстанцев"
    assert page.image == f"{home}/photo/2014/most.jpg?w=600&h=400"


async def test_addresses_are_made_whole_from_where_the_page_was_found(home: str, site: Site) -> None:
    page = await site.article(f"{home}/away")
    assert page is not None
    assert page.image == f"{home}/photo/2014/most.jpg?w=600&h=400"


@pytest.mark.parametrize("path", ["/pic", "/empty", "/missing", "/bad"])
async def test_a_page_without_an_article_is_none(home: str, site: Site, path: str) -> None:
    assert await site.article(home + path) is None


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "file:///etc/passwd", "http://[broken", "tag:e.kg,2026:1"])
async def test_what_is_no_web_address_is_none(site: Site, url: str) -> None:
    assert await site.article(url) is None


async def test_a_slow_page_is_not_waited_for(home: str) -> None:
    async with Fetcher(user_agent="Elchi test", allow_private=True) as fetcher:
        began = time.perf_counter()
        assert await Site(fetcher, patience=0.2).article(f"{home}/slow") is None
        assert time.perf_counter() - began < 2


async def test_a_private_address_is_not_read(home: str) -> None:
    async with Fetcher(user_agent="Elchi test") as fetcher:
        assert await Site(fetcher).article(f"{home}/view/5/7250") is None


async def test_the_log_says_why_and_holds_no_secrets(home: str, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    address = home.replace("http://", "http://user:hunter2@") + "/missing?key=swordfish"
    assert await site.article(address) is None
    said = [record.getMessage() for record in caplog.records if record.name == "bot.gateways.site"]
    assert said
    assert all("status 404" in line and "hunter2" not in line and "swordfish" not in line for line in said)


@pytest.mark.parametrize("path", ["/bad", "/brackets"])
async def test_the_loop_goes_on_while_a_hostile_page_is_read(home: str, site: Site, path: str) -> None:
    worst, last = 0.0, time.perf_counter()
    reading = asyncio.create_task(site.article(home + path))
    while not reading.done():
        await asyncio.sleep(0.001)
        worst, last = max(worst, time.perf_counter() - last), time.perf_counter()
    assert await reading is None
    assert worst < 0.5
