"""A process that reads one feed after another for the bot, and may die of one without anybody else noticing."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import resource
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

from bot.gateways.feed_parsing import read_feed
from bot.gateways.feed_wire import HEAD, FeedElsewhere, Job, answer_frames, is_known, job_of
from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, Validators

CPU: Final = 25  # seconds for one feed; the bot waits 20 and kills, but it may be gone
ROOM: Final = 40 * 2**20  # bytes any feed may take
ROOM_PER_BYTE: Final = 15
MOST: Final = 72 * 2**20  # bytes no feed may take more of; bot and worker together are to stay at 300 MB
KEPT: Final = 16 * 2**20  # bytes; who still holds more when a feed is done is replaced, or the next one had less room
NO_ROOM: Final = FeedFailed("error", "Reading the feed takes more memory than it may.")


def main() -> None:
    """Serve the socket that is our standard input until the other side hangs up."""
    for name in (signal.SIGINT, signal.SIGTERM):  # these are for the bot, which ends us when it is done
        signal.signal(name, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as channel, channel.makefile("rb") as stream:
        base = _address_space()
        gc.freeze()
        while head := stream.read(HEAD.size):
            _serve(job_of(stream.read(*HEAD.unpack(head))), stream, channel, base)


def _serve(job: Job, stream: BinaryIO, channel: socket.socket, base: int) -> None:
    _limit(base, job.size)
    try:
        body = [stream.read(job.size)]  # a list, so that it can be given away
        with _ended_by_hang_up(channel):
            answer = _answer(job, body)
    except MemoryError:
        answer = NO_ROOM
    spent = _address_space() > base + KEPT
    for frame in answer_frames(answer, spent=spent):
        channel.sendall(frame)


def _answer(job: Job, body: list[bytes]) -> FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere:
    fresh = Validators(body_hash=hashlib.sha256(body[0]).hexdigest())
    if is_known(fresh.body_hash or "", job.known_hash):
        return FeedUnchanged(fresh)
    try:
        result = read_feed(
            body.pop(),
            content_type=job.content_type,
            base_url=job.base_url,
            timezone=ZoneInfo(job.timezone),
            now=datetime.fromisoformat(job.now),
        )
    except MemoryError:
        raise
    except Exception as trip:  # noqa: BLE001 - whatever a stranger's feed trips over is that feed's failure
        return FeedFailed("error", f"The feed cannot be taken apart ({type(trip).__name__}).")
    return FeedRead(result.title, result.articles, fresh) if isinstance(result, FeedRead) else result


def _address_space() -> int:
    """Bytes we hold; a guess where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 64 * 2**20


def _limit(base: int, size: int) -> None:
    """What the next feed may take; soft limits, because each feed has its own."""
    room = min(ROOM + ROOM_PER_BYTE * size, MOST)
    used = resource.getrusage(resource.RUSAGE_SELF)
    limits = ((resource.RLIMIT_AS, base + room), (resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + CPU))
    for name, most in limits:
        hard = resource.getrlimit(name)[1]
        resource.setrlimit(name, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


@contextmanager
def _ended_by_hang_up(channel: socket.socket) -> Iterator[None]:
    """While a feed is parsed nobody looks at the socket: the kernel ends us (SIGIO) when the other side is closed."""
    flags = fcntl.fcntl(channel, fcntl.F_GETFL)
    fcntl.fcntl(channel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(channel, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        if select.select([channel], [], [], 0)[0]:  # nothing is asked meanwhile: it was closed a moment ago
            raise SystemExit
        yield
    finally:
        fcntl.fcntl(channel, fcntl.F_SETFL, flags)


if __name__ == "__main__":
    main()
