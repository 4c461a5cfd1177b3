"""The sample news site: windows-1251, conditional requests, misfortunes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from multidict import CIMultiDict

from sandbox.portal import SAMPLE_ARTICLES, Portal, serve_portal


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
