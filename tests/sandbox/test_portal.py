"""The sample news site: its pages and pictures, conditional requests, and every way it misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from typing import Literal
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from multidict import CIMultiDict

from sandbox.images import read_image
from sandbox.pictures import landscape
from sandbox.portal import SAMPLE_ARTICLES, Portal, serve_portal
from sandbox.portal_trouble import Place, Trouble


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    async with serve_portal(Portal()) as served:
        yield served


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def get(http: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, bytes, CIMultiDict[str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.get(url, headers=named) as response:
        return response.status, await response.read(), CIMultiDict(response.headers)


async def test_the_feed_is_windows_1251(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.publish("Ош шаары: <жаңы> & көчө", "Абзац", category="Город")
    status, body, headers = await get(http, f"{portal.url}/rss")
    assert status == 200
    assert headers["Content-Type"] == "application/rss+xml; charset=windows-1251"
    assert "шаары".encode("cp1251") in body
    item = ET.fromstring(body).find("channel/item")
    assert item is not None
    assert item.findtext("title") == "Ош шаары: <жаңы> & көчө"
    assert item.findtext("link") == item.findtext("guid") == f"{portal.url}/view/1"
    page = (await get(http, f"{portal.url}/view/1"))[1].decode("cp1251")
    assert "Ош шаары" in page
    assert "&lt;жа" in page
    assert "Ош шаары" in (await get(http, portal.url))[1].decode("cp1251")


async def test_unchanged_is_304_until_something_changes(portal: Portal, http: aiohttp.ClientSession) -> None:
    article = portal.publish("Заголовок")
    headers = (await get(http, f"{portal.url}/rss"))[2]
    assert (await get(http, f"{portal.url}/rss", If_None_Match=headers["ETag"]))[:2] == (304, b"")
    assert (await get(http, f"{portal.url}/rss", If_Modified_Since=headers["Last-Modified"]))[0] == 304
    portal.change(article, title="Другой")
    assert (await get(http, f"{portal.url}/rss", If_None_Match=headers["ETag"]))[0] == 200
    portal.withdraw(article)
    assert b"<item>" not in (await get(http, f"{portal.url}/rss"))[1]
    assert (await get(http, f"{portal.url}/view/1"))[0] == 404
    assert [seen.status for seen in portal.requests] == [200, 304, 304, 200, 200, 404]


async def test_misfortunes(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.body_override = b"not xml"
    assert (await get(http, f"{portal.url}/rss"))[1] == b"not xml"
    portal.body_override, portal.raw_feed, portal.raw_content_type = None, b"{}", "application/json"
    answer = await get(http, f"{portal.url}/rss")
    assert (answer[1], answer[2]["Content-Type"]) == (b"{}", "application/json")
    portal.status = 503
    assert (await get(http, f"{portal.url}/rss"))[0] == 503


async def test_samples_fill_the_site(portal: Portal, http: aiohttp.ClientSession) -> None:
    assert len(portal.publish_samples()) == len(SAMPLE_ARTICLES) == 12
    items = ET.fromstring((await get(http, f"{portal.url}/rss"))[1]).findall("channel/item")
    assert [item.findtext("title") for item in items] == [sample.title for sample in reversed(SAMPLE_ARTICLES)]


async def test_given_links_and_guids_are_kept(portal: Portal) -> None:
    portal.publish("x", link="https://example.kg/a?b=1&c=2", guid="id-7")
    item = ET.fromstring(portal.feed()).find("channel/item")
    assert item is not None
    assert (item.findtext("link"), item.findtext("guid")) == ("https://example.kg/a?b=1&c=2", "id-7")


# ---- pages and pictures


@pytest.mark.parametrize("charset", ["windows-1251", "utf-8"])
async def test_an_article_page(portal: Portal, http: aiohttp.ClientSession, charset: str) -> None:
    portal.page_charset = charset
    article = portal.publish_sample(SAMPLE_ARTICLES[0])
    article.published = 1_411_453_920.0
    _, body, headers = await get(http, f"{portal.url}/view/{article.id}")
    assert headers["Content-Type"] == f"text/html; charset={charset}"
    page = body.decode(charset)
    assert f'<meta charset="{charset}">' in page
    landmarks = [
        f"<title>{article.title}",
        f'<meta property="og:image" content="{portal.url}/pictures/{article.id}.jpg">',
        "Народный репортер",
        "Напишите нам",
        "Кыргызстан / Общество",
        "RSS",
        f">{article.title}<",
        f"<h1>{article.title}</h1>",
        "23 сентября 2014 12:32    Просмотров: ",
        "Отдел новостей, © Степной вестник",
        f'<div class="content">\n<p>{article.lead}</p>\n<p>Саженцы',
        'id="comments"',
    ]
    places = [page.index(landmark) for landmark in landmarks]
    assert places == sorted(places)


async def test_an_article_has_two_addresses(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.publish("Раз", "Два")
    one, other = [await get(http, f"{portal.url}{path}") for path in ("/view/1", "/view/5/1")]
    assert one[:2] == other[:2]
    portal.long_links = True
    assert portal.link_of(portal.articles[0]) == f"{portal.url}/view/5/1"
    for path in ("/view/2", "/view/x", "/view/1/2/3", "/view", "/nothing"):
        assert (await get(http, portal.url + path))[0] == 404


@pytest.mark.parametrize("status", [404, 410, 503])
async def test_an_article_page_that_is_gone(portal: Portal, http: aiohttp.ClientSession, status: int) -> None:
    article = portal.publish("Раз")
    article.page_status = status
    assert (await get(http, f"{portal.url}/view/1"))[0] == status
    assert b"<item>" in (await get(http, f"{portal.url}/rss"))[1]


@pytest.mark.parametrize(("declared", "expected"), [("utf-8", "text/html; charset=utf-8"), ("", "text/html")])
async def test_a_page_may_lie_about_its_encoding(
    portal: Portal, http: aiohttp.ClientSession, declared: str, expected: str
) -> None:
    portal.publish("Весна")
    portal.page_declared = declared
    _, body, headers = await get(http, f"{portal.url}/view/1")
    assert headers["Content-Type"] == expected
    assert (b"meta charset" in body) == bool(declared)
    assert "Весна" in body.decode("cp1251")


async def test_pictures_are_served(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.publish_samples()
    seen = set()
    for article in portal.articles:
        assert article.picture is not None
        status, data, headers = await get(http, portal.url + article.picture_path)
        image = read_image(data)
        assert image is not None
        assert (status, headers["Content-Type"], f"image/{image.kind}") == (
            200,
            article.picture.mime,
            article.picture.mime,
        )
        seen.add(data)
    assert len(seen) == len(SAMPLE_ARTICLES)
    portal.picture_status = 403
    assert (await get(http, f"{portal.url}/pictures/1.jpg"))[0] == 403
    assert (await get(http, f"{portal.url}/pictures/99.jpg"))[0] == 404
    portal.publish("Без картинки")
    assert (await get(http, f"{portal.url}/pictures/13.jpg"))[0] == 404
    own = portal.publish("Своя", picture=landscape(3, 10, 10, "png"))
    assert own.picture_path == "/pictures/14.png"


async def test_the_front_page(portal: Portal, http: aiohttp.ClientSession) -> None:
    for number in range(12):
        portal.publish(f"Архив {number}", published=1_635_380_340.0)
    day = portal.publish_sample(SAMPLE_ARTICLES[1])
    page = (await get(http, portal.url))[1].decode("cp1251")
    assert f"Новость дня</span>{day.title}" in page
    assert f"<p>{day.lead}</p>" in page
    assert re.search(r"Сегодня \d\d:\d\d     Комментарии \[0\]", page)
    assert page.count("28 октября 2021 06:19") == 6
    assert [f"Архив {number}" in page for number in (11, 6, 5)] == [True, True, False]
    second = (await get(http, f"{portal.url}/?pg=2"))[1].decode("cp1251")
    assert "Новость дня" not in second
    assert [f"Архив {number}" in second for number in (6, 5, 0)] == [False, True, True]
    for kind, path in re.findall(r'rel="alternate" type="([^"]+)" title="\w+" href="([^"]+)"', page):
        assert (await get(http, portal.url + path))[2]["Content-Type"].startswith(kind)


async def test_every_feed_has_an_address(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.publish("Весна")
    assert (await get(http, f"{portal.url}/rss"))[1] == (await get(http, f"{portal.url}/rss/all"))[1]
    _, body, headers = await get(http, f"{portal.url}/feed.json")
    assert headers["Content-Type"] == "application/feed+json"
    assert "Весна" in body.decode()
    await get(http, f"{portal.url}/view/1")
    assert len(portal.feed_reads) == 3
    portal.validators = False
    assert "ETag" not in (await get(http, f"{portal.url}/rss", If_None_Match=headers["ETag"]))[2]


# ---- troubles on the way


@pytest.mark.parametrize("status", [429, 503])
async def test_come_back_later(portal: Portal, http: aiohttp.ClientSession, status: int) -> None:
    portal.status, portal.retry_after = status, 120
    answer = await get(http, f"{portal.url}/rss")
    assert (answer[0], answer[2]["Retry-After"]) == (status, "120")
    portal.status = 200
    assert (await get(http, f"{portal.url}/rss"))[0] == 200


@pytest.mark.parametrize(
    ("trouble", "content_type", "begins"),
    [("error_page", "text/html", b"<!doctype html>"), ("empty", "application/rss+xml", b"")],
)
async def test_no_feed_with_status_200(
    portal: Portal, http: aiohttp.ClientSession, trouble: Trouble, content_type: str, begins: bytes
) -> None:
    portal.publish("Весна")
    portal.trouble = trouble
    status, body, headers = await get(http, f"{portal.url}/rss")
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, content_type)
    assert body.startswith(begins)
    assert b"<item>" not in body
    assert b"content" in (await get(http, f"{portal.url}/view/1"))[1], "the pages are as before"


async def test_a_redirect_without_end(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.trouble = "redirect_loop"
    with pytest.raises(aiohttp.TooManyRedirects):
        await get(http, f"{portal.url}/rss")


async def test_a_redirect_to_a_given_address(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.publish("Весна")
    portal.redirect_to, portal.redirect_status = "/rss/all", 301
    assert b"<item>" in (await get(http, f"{portal.url}/rss"))[1]
    assert [seen.status for seen in portal.feed_reads] == [301, 200]
    portal.redirect_to = "http://[::ffff:7f00:1]/rss"
    async with http.get(f"{portal.url}/rss", allow_redirects=False) as response:
        assert response.headers["Location"] == "http://[::ffff:7f00:1]/rss"


async def test_a_slow_drip(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.publish("Весна")
    portal.trouble, portal.drip_seconds = "drip", 0.01
    async with http.get(f"{portal.url}/rss") as response:
        assert await response.content.readexactly(20) == portal.feed()[:20]
    portal.drip_seconds = 0.0
    assert (await get(http, f"{portal.url}/rss"))[1] == portal.feed()


async def test_a_stream_without_end(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.publish("Весна")
    portal.trouble = "endless"
    async with http.get(f"{portal.url}/rss") as response:
        size = 0
        async for piece in response.content.iter_chunked(1 << 16):
            size += len(piece)
            if size > 20_000_000:
                break
    portal.endless_bytes = 1 << 17
    assert len((await get(http, f"{portal.url}/rss"))[1]) == len(portal.feed()) - 40 + (1 << 17)


@pytest.mark.parametrize(
    ("layers", "named", "header"),
    [(1, None, "gzip"), (10, None, ", ".join(["gzip"] * 10)), (10, 1, "gzip"), (2, 0, "")],
)
async def test_layers_of_gzip(portal: Portal, layers: int, named: int | None, header: str) -> None:
    portal.publish("Весна")
    portal.gzip_layers, portal.gzip_named = layers, named
    async with aiohttp.ClientSession(auto_decompress=False) as raw, raw.get(f"{portal.url}/rss") as response:
        body = await response.read()
        assert response.headers.get("Content-Encoding", "") == header
    for _ in range(layers):
        body = gzip.decompress(body)
    assert body == portal.feed()


PLACES: list[tuple[Place | Literal["all"], list[int]]] = [
    ("feed", [0]),
    ("page", [1]),
    ("picture", [2]),
    ("all", [0, 1, 2]),
]


async def test_trouble_may_be_at_the_pages_or_everywhere(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.publish_samples(1)
    paths = ("/rss", "/view/1", "/pictures/1.jpg")
    portal.trouble = "empty"
    for portal.trouble_at, silent in PLACES:
        bodies = [(await get(http, portal.url + path))[1] for path in paths]
        assert [number for number, body in enumerate(bodies) if not body] == silent


async def test_a_long_silence(portal: Portal, http: aiohttp.ClientSession) -> None:
    portal.delay = 30
    with pytest.raises(asyncio.TimeoutError):
        async with asyncio.timeout(0.1):
            await get(http, f"{portal.url}/rss")
