"""The feed in all its moods: each switch spoils what it names and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest

from sandbox.portal import Portal
from sandbox.portal_dates import as_seen, day_in_words, in_numbers, in_short_words, in_words
from sandbox.portal_feed import Dates, Pictures, json_feed

FRIDAY = 1_771_551_360.0
"""20 February 2026, 07:36 in Bishkek."""


def portal(count: int = 3) -> Portal:
    made = Portal(url="http://site.kg")
    made.publish_samples(count)
    for number, article in enumerate(made.articles):
        article.published = FRIDAY + number * 60
    return made


def items(body: bytes) -> list[ET.Element]:
    return ET.fromstring(body).findall("channel/item")


def values(body: bytes, tag: str) -> list[str]:
    return [each.findtext(tag) or "" for each in items(body)]


def test_a_well_made_feed_has_everything() -> None:
    made = portal()
    newest = items(made.feed())[0]
    assert [child.tag for child in newest] == [
        "title",
        "link",
        "guid",
        "description",
        "category",
        "enclosure",
        "pubDate",
    ]
    picture = made.articles[-1].picture
    assert picture is not None
    enclosure = newest.find("enclosure")
    assert enclosure is not None
    assert enclosure.attrib == {
        "url": "http://site.kg/pictures/3.png",
        "length": str(len(picture.data)),
        "type": "image/png",
    }


def test_a_bare_feed_has_title_link_and_date() -> None:
    made = portal()
    made.bare = True
    assert {child.tag for item in items(made.feed()) for child in item} == {"title", "link", "pubDate"}


@pytest.mark.parametrize("charset", ["windows-1251", "utf-8", "koi8-r", "gb2312"])
@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1", ""])
def test_the_encoding_and_what_it_claims_to_be(charset: str, declared: str | None) -> None:
    made = portal()
    made.charset, made.declared = charset, declared
    body = made.feed()
    assert "Кыргызстан" not in body.decode(charset)
    assert "Мастера войлока" in body.decode(charset)
    claimed = charset if declared is None else declared
    assert body.startswith(
        f'<?xml version="1.0" encoding="{claimed}"?>'.encode() if claimed else b'<?xml version="1.0"?>'
    )
    assert made.feed_type() == "application/rss+xml" + (f"; charset={claimed}" if claimed else "")


@pytest.mark.parametrize("charset", ["windows-1251", "utf-8", "gb2312"])
def test_one_broken_byte(charset: str) -> None:
    made = portal()
    made.charset = charset
    whole = made.feed()
    made.broken_byte = True
    body = made.feed()
    assert len(body) == len(whole) + 1
    with pytest.raises(UnicodeDecodeError):
        body.decode(charset)
    assert "Мастера войлока" in body.decode(charset, "replace")


def test_cut_in_the_middle() -> None:
    made = portal()
    whole = made.feed()
    made.cut = 0.5
    assert made.feed() == whole[: len(whole) // 2]
    with pytest.raises(ET.ParseError):
        items(made.feed())


DATES: list[tuple[Dates, str]] = [
    ("rfc", "Fri, 20 Feb 2026 01:36:00 GMT"),
    ("russian", "Пт, 20 фев 2026 07:36:00 +0600"),
    ("words", "20 февраля 2026 07:36"),
    ("today", "20 февраля 2026 07:36"),
    ("none", ""),
]


@pytest.mark.parametrize(("dates", "expected"), DATES)
def test_dates_in_every_manner(dates: Dates, expected: str) -> None:
    made = portal(1)
    made.dates = dates
    assert values(made.feed(), "pubDate") == [expected]


def test_dates_of_the_day() -> None:
    made = Portal()
    made.publish("Сейчас")
    made.dates = "today"
    assert re.fullmatch(r"Сегодня \d\d:\d\d", values(made.feed(), "pubDate")[0])


def test_every_item_twice() -> None:
    made = portal(2)
    made.doubled = True
    assert values(made.feed(), "guid") == ["http://site.kg/view/2"] * 2 + ["http://site.kg/view/1"] * 2


def test_guids_of_another_day() -> None:
    made = portal(2)
    days = []
    for made.guid_day in (0, 1, 2):
        days.append(values(made.feed(), "guid"))
        assert values(made.feed(), "link") == ["http://site.kg/view/2", "http://site.kg/view/1"]
    assert days[1:] == [["2-1", "1-1"], ["2-2", "1-2"]]


def test_a_date_in_2099() -> None:
    made = portal(3)
    made.in_2099 = True
    years = [parsedate_to_datetime(date).year for date in values(made.feed(), "pubDate")]
    assert years == [2099, 2026, 2026]


STORMS: list[tuple[str, Callable[[Portal], None], set[str]]] = [
    ("re-dated", lambda made: made.storm(reguid=False), {"pubDate"}),
    ("re-guided", lambda made: made.storm(redate=False), {"guid"}),
    ("re-linked", lambda made: made.storm(redate=False, reguid=False, relink=True), {"link", "guid"}),
    ("all at once", lambda made: made.storm(relink=True), {"pubDate", "link", "guid"}),
]


@pytest.mark.parametrize(("name", "happens", "changed"), STORMS, ids=[row[0] for row in STORMS])
def test_a_storm_over_the_archive(name: str, happens: Callable[[Portal], None], changed: set[str]) -> None:
    made = portal(12)
    tags = ("title", "link", "guid", "pubDate")
    before = {tag: values(made.feed(), tag) for tag in tags}
    happens(made)
    after = {tag: values(made.feed(), tag) for tag in tags}
    assert {tag for tag in tags if set(before[tag]).isdisjoint(after[tag])} == changed
    assert after["title"] == before["title"]


PICTURES: list[tuple[Pictures, str]] = [
    ("enclosure", '<enclosure url="http://site.kg/pictures/1.jpg" length="'),
    ("media", '<media:content url="http://site.kg/pictures/1.jpg" medium="image" type="image/jpeg" width="640"'),
    ("thumbnail", '<media:thumbnail url="http://site.kg/pictures/1.jpg"/>'),
    ("body", "&lt;img src=&quot;http://site.kg/pictures/1.jpg&quot; alt=&quot;&quot;&gt;"),
]


@pytest.mark.parametrize(("how", "expected"), PICTURES)
def test_pictures_are_given_in_four_ways(how: Pictures, expected: str) -> None:
    made = portal(1)
    made.pictures_as = how
    assert expected in made.feed().decode("cp1251")
    made.articles[0].graphic = True
    assert "adult" in made.feed().decode("cp1251")
    made.pictures_as = "none"
    assert "pictures/1.jpg" not in made.feed().decode("cp1251")
    assert items(made.feed())


def test_archive_articles_keep_their_date() -> None:
    made = Portal()
    made.publish("Давно", published=FRIDAY)
    assert values(made.feed(), "pubDate") == ["Fri, 20 Feb 2026 01:36:00 GMT"]


def test_dates_are_written_in_the_hours_of_the_site() -> None:
    assert day_in_words(FRIDAY) == "пятница, 20 февраля 2026"
    assert in_words(FRIDAY, 3 * 3600) == "20 февраля 2026 04:36"
    assert as_seen(FRIDAY, FRIDAY + 60) == "Сегодня 07:36"
    assert as_seen(FRIDAY, FRIDAY + 86_400) == "20 февраля 2026 07:36"
    assert in_short_words(FRIDAY, -int(3.5 * 3600)) == "Чт, 19 фев 2026 22:06:00 -0330"
    assert datetime.fromisoformat(in_numbers(FRIDAY)).timestamp() == FRIDAY


def test_the_same_as_json() -> None:
    made = portal(3)
    made.doubled = made.in_2099 = True
    feed = json.loads(json_feed(made, made.name, made.url, made.articles[::-1]))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert len(feed["items"]) == 6
    assert feed["items"][0]["date_published"].startswith("2099")
    last = feed["items"][-1]
    assert last["url"] == last["id"] == "http://site.kg/view/1"
    assert last["image"] == "http://site.kg/pictures/1.jpg"
    assert last["summary"] == made.articles[0].lead
    assert last["content_text"] == "\n\n".join(made.articles[0].body)
    assert last["date_published"] == "2026-02-20T07:36:00+06:00"
    made.bare, made.guid_day = True, 4
    bare = json.loads(json_feed(made, made.name, made.url, made.articles))["items"][0]
    assert bare.keys() == {"id", "url", "title", "date_published"}
    assert bare["id"] == "1-4"
    made.cut = 0.5
    with pytest.raises(json.JSONDecodeError):
        json.loads(json_feed(made, made.name, made.url, made.articles).decode(errors="replace"))
