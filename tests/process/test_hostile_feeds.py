"""Whatever a feed's server does to `elchi feed`: one line about it, in time and in bounds, and the next feed is read.

A name that resolves to a public address first and to a private one second needs a resolver of its own and is tested
in tests/unit/test_http_hostile.py. What the bot makes of a feed that swaps its guids is in tests/services.
"""

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench.feeds import feed_of
from sandbox.portal import Portal, Seen, serve_portal
from tests.process.running import PYTHON, Elchi, elchi

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

SECONDS = 30.0  # for one feed and the healthy one after it
MEGABYTES = 300.0  # for the command and all its children
LOOK = 0.05  # seconds between looks at them
KEYS = ("source", "outcome", "error", "title", "entries")
SECRET = "what-only-this-machine-may-see"
HEALTHY = "Здоровая лента"
Said = dict[str, Any]

# The real command, to which one address of this machine is a public one: a redirect from there leads somewhere.
WITH_ONE_PUBLIC_ADDRESS = """
from bot.gateways.http import Fetcher
from bot.gateways.http_guard import is_public
Fetcher.__init__.__kwdefaults__["admits"] = lambda address: address == "127.0.0.2" or is_public(address)
from bot.__main__ import main
main()
"""


# -- the misfortunes ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refused:
    """One line with an error that says so."""

    why: str
    outcome: str = "error"

    def __call__(self, said: Said, _: Portal) -> None:
        assert said["outcome"] == self.outcome
        assert said["entries"] == []
        assert said["title"] is None
        assert self.why in said["error"]
        assert said["error"].isprintable()
        assert len(said["error"]) < 200


@dataclass(frozen=True, slots=True)
class Read:
    """The feed was understood, and every item is as it should be."""

    entries: Callable[[list[Said], Portal], None]

    def __call__(self, said: Said, portal: Portal) -> None:
        assert said["outcome"] == "feed"
        assert said["error"] is None
        assert said["entries"]
        self.entries(said["entries"], portal)


Judge = Callable[[Said, Portal], None]
Misfortune = tuple[Portal, Judge]


def news(**switches: Any) -> Portal:
    """A site with three stories and something wrong."""
    site = Portal(**switches)
    for number in (1, 2, 3):
        site.publish(f"Новость {number}", f"Что случилось {number}", guid=f"guid-{number}")
    return site


def raw(body: bytes) -> Portal:
    return Portal(raw_feed=body, raw_content_type="application/rss+xml; charset=utf-8")


def three(entries: list[Said], portal: Portal) -> None:
    """The three stories, newest first, with nothing wrong about them."""
    wanted = [(f"guid-{n}", f"Новость {n}", f"{portal.url}/view/{n}", f"Что случилось {n}") for n in (3, 2, 1)]
    assert [(one["id"], one["title"], one["link"], one["summary"]) for one in entries] == wanted


def twice(entries: list[Said], portal: Portal) -> None:
    """Known by their ids; that nothing is posted twice is the business of the bot."""
    assert all(entries.count(one) <= 2 for one in entries)
    three([*{one["id"]: one for one in entries}.values()], portal)


def one_of_2099(entries: list[Said], portal: Portal) -> None:
    three(entries, portal)
    newest, *others = [one["published_utc"][:4] for one in entries]
    assert newest == "2099"
    assert "2099" not in others


def other_guids(entries: list[Said], portal: Portal) -> None:
    assert [one["id"] for one in entries] == [f"{n}-7" for n in (3, 2, 1)]
    three([one | {"id": f"guid-{n}"} for one, n in zip(entries, (3, 2, 1), strict=True)], portal)


def five_thousand(entries: list[Said], _: Portal) -> None:
    assert [one["id"] for one in entries] == [str(n) for n in range(5000)]
    assert all(one["title"] == f"Новость {n}" and one["published_utc"] for n, one in enumerate(entries))


def read_or_too_long(said: Said, portal: Portal) -> None:
    """Both parsers one after the other: whether there is room for that is a matter of bytes."""
    judge = Read(five_thousand) if said["error"] is None else Refused("takes more memory than it may")
    judge(said, portal)


def long_titles(entries: list[Said], _: Portal) -> None:
    assert all(990 < len(one["title"]) <= 1000 and one["title"].endswith("…") for one in entries)
    assert [one["id"] for one in entries] == ["words", "word"]


def titles_of_markup(entries: list[Said], _: Portal) -> None:
    assert [(one["id"], one["title"], one["link"]) for one in entries] == [
        ("1", "", "https://a.example/1"),
        ("2", "", "https://a.example/2"),
        ("3", "Слова", "https://a.example/3"),
    ]


def nothing_to_run(entries: list[Said], _: Portal) -> None:
    assert [(one["id"], one["title"], one["link"]) for one in entries] == [
        ("1", "Один", None),
        ("2", "Два", None),
        ("javascript:alert(3)", "Три", None),
        ("4", "Четыре", "https://a.example/4"),
    ]
    assert [one["image"] for one in entries] == [None] * 4
    assert not any("alert" in one["summary"] for one in entries)


def no_secret(entries: list[Said], _: Portal) -> None:
    assert [one["id"] for one in entries] == ["1"]
    assert SECRET not in json.dumps(entries)
    assert "root:" not in json.dumps(entries)


def no_bomb(entries: list[Said], _: Portal) -> None:
    assert [one["id"] for one in entries] == ["1"]
    assert len(json.dumps(entries)) < 10_000


def rss(*items: str, before: str = "") -> bytes:
    body = "".join(f"<item>{item}</item>" for item in items)
    return f'{before}<rss version="2.0"><channel><title>T</title>{body}</channel></rss>'.encode()


def item(guid: str, title: str, link: str = "", more: str = "") -> str:
    return f'<guid isPermaLink="false">{guid}</guid><title>{title}</title><link>{link}</link>{more}'


def external(elsewhere: str) -> bytes:
    """A feed whose entities are files of this machine and addresses that only it can open."""
    declared = (
        f'<!ENTITY file SYSTEM "file:///etc/passwd"><!ENTITY site SYSTEM "{elsewhere}/rss">'
        f'<!ENTITY % more SYSTEM "{elsewhere}/rss"> %more;'
    )
    doctype = f'<!DOCTYPE rss SYSTEM "{elsewhere}/rss" [{declared}]>'
    return rss(item("1", "&file;", "https://a.example/1", "<description>&site;</description>"), before=doctype)


def bomb() -> bytes:
    nest = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 30))
    return rss(item("1", "&e29;", "https://a.example/1"), before=f'<!DOCTYPE rss [<!ENTITY e0 "ha">{nest}]>')


def scripts() -> bytes:
    """Addresses that would run something, as links, as a guid and as pictures."""
    picture = '<enclosure url="javascript:alert(3)" type="image/png"/>'
    return rss(
        item("1", "Один", "javascript:alert(1)", "<description>&lt;script>alert(1)&lt;/script></description>"),
        item("2", "Два", " JavaScript:alert(2)"),
        item("javascript:alert(3)", "Три", "data:text/html,alert", picture),
        item("4", "Четыре", "https://a.example/4", "<description>&lt;img src='javascript:4'></description>"),
    )


def broken(body: bytes, before: bytes) -> bytes:
    """The same items in a document that is no XML from here on, so that another parser has to read it."""
    return body.replace(before, b"<category>a & b</category>" + before, 1)


def misfortunes(secret: Portal) -> dict[str, Misfortune]:
    """What comes, and what is to be made of it."""
    moved = f"{secret.url}/rss"
    mapped = moved.replace("127.0.0.1", "[::ffff:7f00:1]")
    long = feed_of(5000)
    markup = ("&lt;b&gt;&lt;/b&gt;" * 500, "<![CDATA[<img src=x><br>]]>", "&lt;b&gt;Слова&lt;/b&gt;")
    return {
        "a stream of 1 GB": (news(trouble="endless"), Refused("longer than 10 MiB")),
        "a redirect loop": (news(trouble="redirect_loop"), Refused("More than 5 redirects in a row")),
        "a redirect to loopback, allowed": (news(redirect_to=moved), Read(lambda found, _: three(found, secret))),
        "the same in another spelling": (
            news(redirect_to=mapped),
            Read(lambda found, _: three([one | {"link": plainly(one["link"])} for one in found], secret)),
        ),
        "10 layers of gzip": (news(gzip_layers=10), Refused("packed in a way that was not asked for")),
        "10 layers of gzip, one named": (news(gzip_layers=10, gzip_named=1), Refused("", "not_a_feed")),
        "10 layers of gzip, none named": (news(gzip_layers=10, gzip_named=0), Refused("", "not_a_feed")),
        "external entities": (raw(external(secret.url)), Read(no_secret)),
        "an entity bomb": (raw(bomb()), Read(no_bomb)),
        "5,000 items": (raw(long), Read(five_thousand)),
        "5,000 items that are no XML": (raw(broken(long, b"<item>")), Read(five_thousand)),
        "5,000 items that are no XML at their end": (raw(broken(long, b"</channel>")), read_or_too_long),
        "titles of 10,000 characters": (
            raw(rss(item("words", "слово " * 1667), item("word", "ы" * 10_000))),
            Read(long_titles),
        ),
        "titles of markup": (
            raw(rss(*(item(str(n), title, f"https://a.example/{n}") for n, title in enumerate(markup, 1)))),
            Read(titles_of_markup),
        ),
        "javascript: links": (raw(scripts()), Read(nothing_to_run)),
        "every item twice": (news(doubled=True), Read(twice)),
        "2099": (news(in_2099=True), Read(one_of_2099)),
        "other guids": (news(guid_day=7), Read(other_guids)),
        "an error page with status 200": (news(trouble="error_page"), Refused("A web page came", "not_a_feed")),
        "an empty body": (news(trouble="empty"), Refused("The answer is empty", "not_a_feed")),
    }


def plainly(link: str) -> str:
    return link.replace("[::ffff:7f00:1]", "127.0.0.1")


# -- the watch ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Cost:
    """What one misfortune, with the healthy feed after it, took."""

    began: float
    ended: float = 0.0
    peak: float = 0.0

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def tree_megabytes(root: int) -> float:
    """The resident memory of a process and everything below it; what two of them share counts twice."""
    parents: dict[int, int] = {}
    pages: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        pid = int(stat.parent.name)
        parents[pid], pages[pid] = int(fields[1]), int(fields[21])
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(pages.get(pid, 0) for pid in family) * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def watching(root: int, now: Callable[[], str]) -> Iterator[dict[str, Cost]]:
    """Look at a process tree every 50 ms, from a thread because a busy loop sees nothing; `now` names the cause."""
    costs: dict[str, Cost] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK):
            name, moment = now(), time.monotonic()
            for cost in [*costs.values()][-1:]:
                cost.ended = moment
            cost = costs.setdefault(name, Cost(moment, moment))
            cost.peak = max(cost.peak, tree_megabytes(root))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield costs
    finally:
        over.set()
        watcher.join()


# -- the tests ---------------------------------------------------------------------------------------------------


@dataclass
class Street:
    """The sites of one run, all of which write down in one list who was asked."""

    seen: list[Seen] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    healthy: Portal = field(default_factory=Portal)
    rows: Mapping[str, Misfortune] = field(default_factory=dict)

    def now(self) -> str:
        """The misfortune that was met last."""
        met = [name for seen in [*self.seen] if (name := self.names.get(seen.headers["Host"]))]
        return met[-1] if met else "the start"


@asynccontextmanager
async def street(rows: Mapping[str, Misfortune], host: str = "127.0.0.1") -> AsyncIterator[Street]:
    healthy = news(name=HEALTHY, delay=4 * LOOK)  # so that every misfortune is looked at
    async with AsyncExitStack() as stack:
        place = Street(healthy=healthy, rows=rows)
        await stack.enter_async_context(serve_portal(healthy, host))
        for name, (portal, _) in rows.items():
            portal.requests = place.seen
            await stack.enter_async_context(serve_portal(portal, host))
            place.names[urlsplit(portal.url).netloc] = name
        yield place


async def reads(place: Street, *options: str, program: tuple[str, ...] = PYTHON) -> dict[str, Cost]:
    """One command reads it all, a healthy feed after each misfortune; what each cost, when all is as it should be."""
    healthy = f"{place.healthy.url}/rss"
    sources = [source for portal, _ in place.rows.values() for source in (f"{portal.url}/rss", healthy)]
    command = Elchi(("feed", "--json", *options, *sources), program=program, longest=2**26)
    await command.start()
    assert command.process is not None
    try:
        with watching(command.process.pid, place.now) as costs:
            code = await command.ends(120)
    finally:
        await command.kill()

    assert command.errors == ""
    lines = [json.loads(line) for line in command.output.splitlines()]
    assert [line["source"] for line in lines] == sources
    assert all(tuple(line) == KEYS for line in lines)
    for (name, (portal, judge)), said, after in zip(place.rows.items(), lines[::2], lines[1::2], strict=True):
        with naming(name):
            judge(said, portal)
            assert after["title"] == HEALTHY
            three(after["entries"], place.healthy)
    assert code == 1  # because some were no feeds
    too_much = [
        f"{name}: {cost.seconds:.1f} s, {cost.peak:.0f} MB"
        for name, cost in costs.items()
        if cost.seconds > SECONDS or cost.peak > MEGABYTES
    ]
    assert not too_much
    return costs


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Say which misfortune a failed assertion is about."""
    try:
        yield
    except AssertionError as failure:
        failure.add_note(f"after {name}")
        raise


async def test_every_misfortune_is_one_line_and_the_next_feed_is_read() -> None:
    secret, dawdler = news(), news(trouble="drip")
    async with (
        serve_portal(secret),
        street(misfortunes(secret)) as place,
        street({"a slow drip": (dawdler, Refused("did not answer in time"))}) as beside,  # 20 s, of waiting only
    ):
        costs, more = await asyncio.gather(reads(place, "--allow-private"), reads(beside, "--allow-private"))
    assert place.rows.keys() <= costs.keys()  # each was looked at
    assert beside.rows.keys() <= more.keys()
    assert len(secret.requests) == 2  # the two redirects; no entity was fetched


async def test_without_permission_nothing_on_this_machine_is_even_asked() -> None:
    async with serve_portal(news()) as site:
        sources = [f"{site.url}/rss".replace("127.0.0.1", name) for name in ("127.0.0.1", "[::ffff:7f00:1]")]
        code, command = await elchi("feed", "--json", *sources)
    assert code == 1
    assert command.errors == ""
    said = [json.loads(line) for line in command.output.splitlines()]
    assert [line["source"] for line in said] == sources
    for line in said:
        Refused("not public")(line, site)
    assert site.requests == []


async def test_a_redirect_to_this_machine_is_not_followed_and_the_next_feed_is_read() -> None:
    secret = news()
    async with serve_portal(secret):
        moved = f"{secret.url}/rss"
        ways = (moved, moved.replace("127.0.0.1", "[::ffff:7f00:1]"), moved.replace("127.0.0.1", "[::ffff:127.0.0.1]"))
        rows: dict[str, Misfortune] = {way: (news(redirect_to=way), Refused("not public")) for way in ways}
        async with street(rows, "127.0.0.2") as place:
            await reads(place, program=(PYTHON[0], "-P", "-c", WITH_ONE_PUBLIC_ADDRESS))
    assert secret.requests == []
