"""The processes that read feeds: hostile ones end in a line, a dead one is replaced, and none is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.gateways import feed_workers
from bot.gateways.feed_parsing import read_feed
from bot.gateways.feed_wire import (
    HEAD,
    Ending,
    FeedElsewhere,
    Garbage,
    answer_frames,
    framed,
    understood,
)
from bot.gateways.feed_workers import FeedWorkers
from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, FetchedArticle, Validators

BISHKEK = ZoneInfo("Asia/Bishkek")
NOW = datetime(2026, 2, 20, 6, 0, tzinfo=UTC)
GOOD = b"<rss><channel><title>T</title><item><title>Good</title><guid>1</guid></item></channel></rss>"
BIG = 9 * 2**20
WORDS = "Мэр Бишкека рассказал о ремонте дорог на юге города. " * 12

pytestmark = pytest.mark.timeout(120)


async def read(workers: FeedWorkers, body: bytes) -> FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere:
    return await workers.read(body, content_type="", base_url="https://a.kg/rss", timezone=BISHKEK, now=NOW)


async def reads_on(workers: FeedWorkers) -> bool:
    """Whether the next feed is read as if nothing had been."""
    answer = await read(workers, GOOD)
    return isinstance(answer, FeedRead) and [one.title for one in answer.articles] == ["Good"]


@pytest.fixture
async def workers() -> AsyncIterator[FeedWorkers]:
    async with FeedWorkers() as some:
        yield some


def children(of: int) -> list[int]:
    """The processes a process has started and not waited for."""
    return [int(pid) for task in Path(f"/proc/{of}/task").iterdir() for pid in (task / "children").read_text().split()]


def ours() -> list[int]:
    """The feed workers this process has."""
    return [pid for pid in children(os.getpid()) if b"feed_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def resident_mb() -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in ours())
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def wrapped(inside: bytes) -> bytes:
    return b"<rss><channel><item><title>T</title><description>" + inside + b"</description></item></channel></rss>"


def many(extra: str = "") -> bytes:
    items = "".join(f"<item><title>{n}{extra}</title><description>{WORDS}</description></item>" for n in range(5000))
    return f"<rss><channel><title>T</title>{items}</channel></rss>".encode()


def entity_bomb() -> bytes:
    nest = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 30))
    return b'<!DOCTYPE rss [<!ENTITY e0 "ha">' + nest + b"]>" + wrapped(b"&e29;")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "100,000 attributes": lambda: wrapped(b"<a " + b" ".join(b'a%d="x"' % n for n in range(100_000)) + b">"),
    "attributes behind a quoted >": lambda: wrapped(b'<a q=">" ' + b" ".join(b"a%d=1" % n for n in range(9000)) + b">"),
    "9 MiB of <": lambda: wrapped(b"<" * BIG),
    "nothing but <": lambda: b"<" * BIG,
    "200,000 nested tags": lambda: wrapped(b"<a>" * 200_000 + b"</a>" * 200_000),
    "comments that never end": lambda: wrapped(b"<!--" * (BIG // 4)),
    "CDATA that never ends": lambda: wrapped(b"<![CDATA[" * (BIG // 9)),
    "a million empty items": lambda: b"<rss><channel>" + b"<item/>" * 1_000_000 + b"</channel></rss>",
    "closing tags of nothing": lambda: wrapped(b"</b>" * (BIG // 4)),
    "an entity bomb": entity_bomb,
    "entities from elsewhere": lambda: b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + wrapped(b"&x;"),
    "9 MiB of entities": lambda: wrapped(b"&quot;" * (BIG // 6)),
    "a title of 9 MiB": lambda: b"<rss><channel><item><title>" + b"word " * (BIG // 5) + b"</title></item></channel>",
    "titles of markup only": lambda: wrapped(b"").replace(b"<title>T</title>", b"<title>&lt;b&gt;&lt;/b&gt;</title>"),
    "9 MiB of brackets": lambda: b'{"version":"https://jsonfeed.org/version/1","items":' + b"[" * BIG,
    "millions of lists": lambda: b'{"version":"https://jsonfeed.org/version/1","items":[%s[]]}' % (b"[]," * (BIG // 3)),
    "zeros": lambda: bytes(BIG),
    "noise": lambda: bytes(range(256)) * (BIG // 256),
    "an empty body": lambda: b"",
    "an error page": lambda: b"<!DOCTYPE html><html><body><h1>502</h1></body></html>",
    "100,000 namespaces": lambda: b"<rss " + b" ".join(b'xmlns:a%d="u"' % n for n in range(100_000)) + b"/>",
    "5,000 items": many,
    "5,000 items that are not XML, with an emoji": lambda: many(" & 😀"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_feed_ends_in_a_line_or_a_result_and_the_next_one_is_read(
    what: str, workers: FeedWorkers
) -> None:
    body = HOSTILE[what]()
    peak = 0.0
    started = time.monotonic()
    reading = asyncio.create_task(read(workers, body))
    while not reading.done():
        await asyncio.sleep(0.02)
        peak = max(peak, resident_mb())
    answer = reading.result()
    assert time.monotonic() - started < 30
    assert peak < 110  # the bot itself takes 200, and there is room for 300
    if isinstance(answer, FeedFailed):
        assert answer.reason.endswith(".")
        assert "\n" not in answer.reason
    else:
        assert isinstance(answer, FeedRead)
        assert len(answer.articles) in {1, 5000}
        assert "root:" not in answer.articles[0].lead
    assert await reads_on(workers)


async def test_five_thousand_items_are_all_there(workers: FeedWorkers) -> None:
    answer = await read(workers, many(" 😀"))
    here = read_feed(many(" 😀"), content_type="", base_url="https://a.kg/rss", timezone=BISHKEK, now=NOW)
    assert isinstance(answer, FeedRead)
    assert isinstance(here, FeedRead)
    assert replace(answer, validators=here.validators) == here


async def test_the_same_bytes_are_known_by_their_hash(workers: FeedWorkers) -> None:
    first = await read(workers, GOOD)
    assert isinstance(first, FeedRead)
    assert first.validators.body_hash
    again = await workers.read(
        GOOD, content_type="", base_url="", timezone=BISHKEK, now=NOW, known_hash=first.validators.body_hash
    )
    assert again == FeedUnchanged(first.validators)


async def test_one_worker_reads_many_feeds() -> None:
    async with FeedWorkers() as workers:
        assert await reads_on(workers)
        before = ours()
        for _ in range(20):
            assert await reads_on(workers)
        assert ours() == before


async def test_many_feeds_at_once_are_read_by_two_workers() -> None:
    async with FeedWorkers() as workers:
        answers = await asyncio.gather(*(read(workers, GOOD) for _ in range(20)))
        assert all(isinstance(answer, FeedRead) for answer in answers)
        assert len(ours()) <= 2


async def test_who_takes_too_long_is_ended_and_replaced() -> None:
    async with FeedWorkers(seconds=0.5) as workers:
        assert await reads_on(workers)
        before = ours()
        os.kill(before[0], signal.SIGSTOP)
        answer = await read(workers, GOOD)
        assert answer == FeedFailed("error", "Reading the feed took longer than 0.5 seconds.")
    async with FeedWorkers() as workers:
        assert await reads_on(workers)
        assert not set(ours()) & set(before)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGXCPU"])
async def test_a_worker_that_dies_costs_the_feed_it_was_reading_and_no_other(name: str) -> None:
    async with FeedWorkers() as workers:
        assert await reads_on(workers)
        reading = asyncio.create_task(read(workers, many()))
        await asyncio.sleep(0.3)
        os.kill(ours()[0], getattr(signal, name))
        assert await reading == FeedFailed("error", "The feed broke the process that read it.")
        assert await reads_on(workers)


async def test_a_worker_that_died_waiting_costs_nothing() -> None:
    async with FeedWorkers() as workers:
        assert await reads_on(workers)
        os.kill(ours()[0], signal.SIGKILL)
        await asyncio.sleep(0.1)
        assert await reads_on(workers)


async def test_a_read_that_is_called_off_ends_its_worker() -> None:
    async with FeedWorkers() as workers:
        assert await reads_on(workers)
        reading = asyncio.create_task(read(workers, many()))
        await asyncio.sleep(0.3)
        busy = ours()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.sleep(0.3)
        assert not set(ours()) & set(busy)
        assert await reads_on(workers)


async def test_nothing_is_left_after_the_end_even_of_a_read_under_way() -> None:
    async with FeedWorkers() as workers:
        assert await reads_on(workers)
        before = set(ours())
        reading = asyncio.create_task(read(workers, many()))
        await asyncio.sleep(0.3)
    assert await reading == FeedFailed("error", "The feed was still being read when the bot stopped.")
    assert not before & set(children(os.getpid()))
    assert await read(workers, GOOD) == await reading


async def test_who_is_forgotten_leaves_nothing_either() -> None:
    workers = FeedWorkers()
    assert await reads_on(workers)
    before = set(ours())
    del workers
    gc.collect()
    assert not before & set(children(os.getpid()))


PROGRAM = """
import asyncio, sys
from tests.unit.test_feed_workers import FeedWorkers, many, ours, read, reads_on

async def main() -> None:
    workers = FeedWorkers()
    await reads_on(workers)
    print(*ours(), flush=True)
    if sys.argv[1] == "reading":
        await read(workers, many())

asyncio.run(main())
"""


def gone(pid: int) -> bool:
    """Whether a process is no more, or waits only for its parent to say so."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_the_end_of_a_program_that_forgot_to_close_is_quiet_and_leaves_nothing() -> None:
    command = [sys.executable, "-X", "dev", "-c", PROGRAM, "forgetting"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    assert gone(int(done.stdout))


def test_a_bot_that_is_killed_takes_its_busy_worker_along() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, "reading"], stdout=subprocess.PIPE, text=True) as bot:
        assert bot.stdout is not None
        worker = int(bot.stdout.readline())
        time.sleep(0.3)
        bot.kill()
    for _ in range(50):
        if gone(worker):
            return
        time.sleep(0.02)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker reads on for nobody")


async def test_a_worker_does_not_know_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELCHI_KEY", "secret")
    async with FeedWorkers() as workers:
        assert await reads_on(workers)
        assert b"ELCHI" not in await asyncio.to_thread(Path(f"/proc/{ours()[0]}/environ").read_bytes)


def test_a_worker_starts_without_what_it_does_not_need() -> None:
    program = "import sys, bot.gateways.feed_worker; print({'aiohttp', 'aiogram', 'sqlalchemy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"


async def test_a_process_that_answers_with_garbage_is_a_failed_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    for says in (b"\\xff\\xff\\xff\\xff", b"\\0\\0\\0\\2{]", b"\\0\\0\\0\\2[1", b"", b"HTTP/1.1 200 OK"):
        program = f"import os; os.read(0, 9); os.write(0, b'{says.decode()}')"
        monkeypatch.setattr(feed_workers, "COMMAND", (sys.executable, "-c", program))
        async with FeedWorkers() as workers:
            assert await read(workers, GOOD) == FeedFailed("error", "The feed broke the process that read it.")


async def test_no_process_at_all_is_a_failed_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_workers, "COMMAND", ("/nowhere/python",))
    async with FeedWorkers() as workers:
        answer = await read(workers, GOOD)
    assert isinstance(answer, FeedFailed)
    assert answer.outcome == "error"


ARTICLE = FetchedArticle(
    "id", "Заголовок \ud800", "https://a.kg/1", "lead", NOW, None, "https://a.kg/1.jpg", ("a", "b")
)


@pytest.mark.parametrize(
    "answer",
    [
        FeedRead("T", (ARTICLE, replace(ARTICLE, image=None, published=None)), Validators(body_hash="h")),
        FeedRead("", (), Validators(body_hash="h")),
        FeedUnchanged(Validators(body_hash="h")),
        FeedFailed("not_a_feed", "No."),
        FeedFailed("error", "No."),
        FeedElsewhere("https://a.kg/rss"),
    ],
)
def test_an_answer_crosses_as_it_is(answer: FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere) -> None:
    *groups, end = (understood(frame[HEAD.size :]) for frame in answer_frames(answer, spent=True))
    assert isinstance(end, Ending)
    assert end.spent
    articles = tuple(article for group in groups if isinstance(group, list) for article in group)
    assert (replace(end.answer, articles=articles) if isinstance(end.answer, FeedRead) else end.answer) == answer


def test_a_long_answer_is_cut_into_frames_that_are_quickly_read() -> None:
    answer = FeedRead("T", (replace(ARTICLE, lead="слово " * 600),) * 1000)
    frames = list(answer_frames(answer, spent=False))
    assert max(map(len, frames)) < 64 * 1024
    assert frames[-1] == framed(json.dumps(json.loads(frames[-1][HEAD.size :]), separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "said",
    [
        "",
        "1",
        "null",
        "[1]",
        '[["a"]]',
        '[["i","t","l","d",null,null,null,5]]',
        '[["i","t","l",7,null,null,null,[]]]',
        '[["i","t","l","d","2026-01-01T00:00:00",null,null,[]]]',
        '[["i","t","l","d","soon",null,null,[]]]',
        "{}",
        '{"kind":"read","text":1,"hash":null,"spent":false}',
        '{"kind":"other","text":"","hash":null,"spent":false}',
        "[" * 100_000,
    ],
)
def test_what_cannot_be_understood_is_garbage(said: str) -> None:
    with pytest.raises(Garbage):
        understood(said.encode())
