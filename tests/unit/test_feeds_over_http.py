"""Feeds over the wire and in the command: asked for twice, found on a page, and what is printed of them."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web

from bot.feed_command import read_sources
from bot.gateways.feed_parsing import read_feed
from bot.gateways.feed_wire import FeedElsewhere
from bot.gateways.feeds import HttpFeeds
from bot.gateways.http import Fetcher
from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, Validators

GOLDEN = Path(__file__).parent.parent / "golden" / "feeds"
BISHKEK = ZoneInfo("Asia/Bishkek")


def rss(items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>T</title>{items}</channel></rss>'.encode()


def page(head: str) -> bytes:
    return f"<!DOCTYPE html><html><head>{head}</head><body><p>Words</p></body></html>".encode()


@pytest.mark.parametrize(
    ("head", "place"),
    [
        ('<link rel="alternate" type="application/rss+xml" href="/rss/all">', "https://a.kg/rss/all"),
        ("<LINK HREF='/atom' TYPE='Application/Atom+XML; charset=utf-8' REL='feed Alternate'/>", "https://a.kg/atom"),
        ("<link rel=alternate type=application/feed+json href=feed.json>", "https://a.kg/news/feed.json"),
        (
            '<base href="https://b.kg/"><link rel="alternate" type="application/rss+xml" href="r?a&amp;b">',
            "https://b.kg/r?a&b",
        ),
        ('<!-- <link rel="alternate" type="application/rss+xml" href="/old"> -->', None),
        ('<link rel="alternate" type="application/json" href="/wp-json">', None),
        ('<link rel="stylesheet" type="application/rss+xml" href="/rss">', None),
        ('<link rel="alternate" type="application/rss+xml" href="javascript:x">', None),
        ('<link rel="alternate" hreflang="ky" href="/ky">', None),
    ],
)
def test_a_page_names_its_feed(head: str, place: str | None) -> None:
    result = read_feed(page(head), content_type="text/html", base_url="https://a.kg/news/", timezone=BISHKEK)
    if place is None:
        assert result == FeedFailed("not_a_feed", "A web page came instead of a feed.")
    else:
        assert result == FeedElsewhere(place)


@dataclass
class PageSite:
    """A site whose front page names a feed; what it answers can be changed."""

    url: str = ""
    front: bytes = page('<link rel="alternate" type="application/rss+xml" href="/rss">')
    feed: bytes = rss("<item><title>T</title><link>/1</link></item>")
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path == "/rss" and request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        body, mark = (self.feed, '"1"') if request.path == "/rss" else (self.front, '"page"')
        return web.Response(body=body, content_type="text/html", headers={"ETag": mark})


@pytest.fixture
async def site() -> AsyncIterator[PageSite]:
    made = PageSite()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


@pytest.fixture
async def feeds() -> AsyncIterator[HttpFeeds]:
    async with Fetcher(user_agent="test", allow_private=True) as fetcher:
        reader = HttpFeeds(fetcher, BISHKEK)
        yield reader
        await reader.aclose()


async def test_the_feed_of_a_page_is_read_from_where_it_is_and_then_asked_for_there(
    site: PageSite, feeds: HttpFeeds
) -> None:
    first = await feeds.read(site.url, Validators())
    assert isinstance(first, FeedRead)
    assert first.articles[0].link == f"{site.url}1"
    assert feeds.found_at(site.url) == f"{site.url}rss"
    assert isinstance(await feeds.read(site.url, first.validators), FeedUnchanged)
    assert site.asked == ["/", "/rss", "/rss"]


async def test_after_a_restart_a_page_is_never_asked_with_the_marks_of_its_feed(
    site: PageSite, feeds: HttpFeeds
) -> None:
    async with Fetcher(user_agent="test", allow_private=True) as fetcher:
        before = HttpFeeds(fetcher, BISHKEK)
        first = await before.read(site.url, Validators())
        await before.aclose()
    assert isinstance(first, FeedRead)
    assert (first.validators.etag, first.validators.last_modified) == (None, None)
    again = await feeds.read(site.url, first.validators)
    assert again == FeedUnchanged(first.validators)
    site.feed = rss("<item><title>U</title></item>")
    async with Fetcher(user_agent="test", allow_private=True) as fetcher:
        later = HttpFeeds(fetcher, BISHKEK)
        changed = await later.read(site.url, again.validators)
        await later.aclose()
    assert isinstance(changed, FeedRead)
    assert changed.articles[0].title == "U"


async def test_an_error_page_does_not_bring_another_feed_in_the_place_of_one_that_was_read(
    site: PageSite, feeds: HttpFeeds
) -> None:
    result = await feeds.read(site.url, Validators(body_hash="0" * 64))
    assert result == FeedFailed("not_a_feed", "A web page came instead of a feed.")
    assert site.asked == ["/"]


async def test_a_page_that_names_a_page_is_no_feed(site: PageSite, feeds: HttpFeeds) -> None:
    site.feed = site.front
    result = await feeds.read(site.url, Validators())
    assert isinstance(result, FeedFailed)
    assert result.outcome == "not_a_feed"
    assert site.asked == ["/", "/rss"]
    assert feeds.found_at(site.url) is None


async def test_a_page_that_names_itself_is_not_asked_twice(site: PageSite, feeds: HttpFeeds) -> None:
    site.front = page('<link rel="alternate" type="application/rss+xml" href="/">')
    assert isinstance(await feeds.read(site.url, Validators()), FeedFailed)
    assert site.asked == ["/"]


async def test_a_large_feed_that_has_not_changed_is_known_too(site: PageSite, feeds: HttpFeeds) -> None:
    site.front = rss("<item><title>T</title></item>" * 5000)
    first = await feeds.read(site.url, Validators())
    assert isinstance(first, FeedRead)
    assert isinstance(await feeds.read(site.url, Validators(body_hash=first.validators.body_hash)), FeedUnchanged)


async def test_now_is_what_the_clock_says(site: PageSite) -> None:
    site.front = rss("<item><title>T</title><pubDate>Сегодня 07:36</pubDate></item>")
    async with Fetcher(user_agent="test", allow_private=True) as fetcher:
        reader = HttpFeeds(fetcher, BISHKEK, clock=lambda: datetime(2026, 2, 20, 20, 0, tzinfo=UTC))
        result = await reader.read(site.url, Validators())
        await reader.aclose()
    assert isinstance(result, FeedRead)
    assert result.articles[0].published == datetime(2026, 2, 21, 1, 36, tzinfo=UTC)


@pytest.fixture
async def feed_url() -> AsyncIterator[str]:
    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=rss("<item><title>T</title><link>/1</link></item>"), content_type="text/xml")

    app = web.Application()
    app.router.add_get("/rss", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/rss"
    await runner.cleanup()


async def test_the_same_bytes_are_not_read_twice(feed_url: str) -> None:
    async with Fetcher(user_agent="test", allow_private=True) as fetcher:
        feeds = HttpFeeds(fetcher, BISHKEK)
        first = await feeds.read(feed_url, Validators())
        assert isinstance(first, FeedRead)
        assert first.articles[0].link == feed_url.replace("/rss", "/1")
        assert await feeds.read(feed_url, first.validators) == FeedUnchanged(first.validators)
        await feeds.aclose()


async def test_a_failure_is_a_value_with_a_reason() -> None:
    async with Fetcher(user_agent="test") as fetcher:
        result = await HttpFeeds(fetcher, BISHKEK).read("http://127.0.0.1:1/", Validators())
    assert isinstance(result, FeedFailed)
    assert result.outcome == "error"


async def command(*sources: str, as_json: bool = True, timezone: str = "UTC") -> tuple[int, str]:
    out = io.StringIO()
    code = await read_sources(
        sources, as_json=as_json, base_url="", content_type="", timezone=timezone, allow_private=True, out=out
    )
    return code, out.getvalue()


async def test_the_command_answers_a_line_for_each_source(feed_url: str, tmp_path: Path) -> None:
    sources = [str(GOLDEN / "empty-channel.xml"), feed_url, str(tmp_path / "none"), str(tmp_path), "ftp://e.kg/", "\0"]
    code, out = await command(*sources)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [line["source"] for line in lines] == sources
    assert [line["outcome"] for line in lines] == ["empty_feed", "feed", "error", "error", "error", "error"]
    assert all(line["error"].endswith(".") for line in lines[2:])


async def test_the_command_says_when_a_zone_does_not_exist() -> None:
    code, out = await command("whatever", timezone="Mars/Base")
    assert (code, json.loads(out)["error"]) == (1, "No time zone is called «Mars/Base».")


async def test_the_command_says_where_it_found_the_feed_of_a_page(site: PageSite, tmp_path: Path) -> None:
    code, out = await command(site.url)
    said = json.loads(out)
    assert (code, said["outcome"], said["found_at"]) == (0, "feed", f"{site.url}rss")
    assert f"names its feed: {site.url}rss" in (await command(site.url, as_json=False))[1].replace("\n", "")
    saved = tmp_path / "page.html"
    saved.write_bytes(page('<link rel="alternate" type="application/rss+xml" href="https://a.kg/rss">'))
    code, out = await command(str(saved))
    assert (code, json.loads(out)["outcome"]) == (1, "not_a_feed")
    assert "https://a.kg/rss" in json.loads(out)["error"]


async def test_people_get_a_table(tmp_path: Path) -> None:
    code, out = await command(str(GOLDEN / "cp1251-declared.xml"), as_json=False)
    assert (code, "Новости Бишкека: 2" in out) == (0, True)
    assert "✘" in (await command(str(tmp_path / "none"), as_json=False))[1]
