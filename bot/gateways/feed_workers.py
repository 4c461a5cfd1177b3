"""Has feeds read by processes of our own, so that the bot neither waits for one nor falls with one."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import weakref
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from zoneinfo import ZoneInfo

from bot.gateways.feed_wire import ALL, HEAD, LONGEST, Ending, FeedElsewhere, Garbage, Job, job_frame, understood, whole
from newsroom.articles import FeedFailed, FeedRead, FeedUnchanged, FetchedArticle

COMMAND: Final = (sys.executable, "-P", "-m", "bot.gateways.feed_worker")
PASSED_ON: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONTZPATH", "TZDIR")
SECONDS: Final = 20.0
BIG: Final = 2**20  # bytes of a feed that may take a hundred MB to parse: one of these at a time
LOOK_AGAIN: Final = 0.01  # seconds between looks whether a killed process is gone
CLOSED: Final = FeedFailed("error", "The feed was still being read when the bot stopped.")
BROKE: Final = FeedFailed("error", "The feed broke the process that read it.")


class _Worker:
    """One process and the socket to it."""

    def __init__(self) -> None:
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        try:
            with theirs:
                # Neither the key nor the token of the environment goes into a process that reads what strangers wrote.
                self.process = subprocess.Popen(  # noqa: S603 - our own module, run by our own interpreter
                    COMMAND,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=_environment(),
                    process_group=0,  # Ctrl-C is for the bot
                )
        except OSError:
            self.channel.close()
            raise

    async def ask(self, job: Job, body: bytes) -> tuple[FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere, bool]:
        """The answer, and whether the worker is spent. Raises Garbage, OSError, EOFError."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self.channel, job_frame(job))
        await loop.sock_sendall(self.channel, body)
        articles: list[FetchedArticle] = []
        received = 0
        while True:
            (size,) = HEAD.unpack(await self._exactly(HEAD.size))
            received += size
            if size > LONGEST or received > ALL:
                raise Garbage
            said = understood(await self._exactly(size))
            if isinstance(said, Ending):
                answer = whole(said.answer, articles) if isinstance(said.answer, FeedRead) else said.answer
                return answer, said.spent
            articles += said
            await asyncio.sleep(0)  # what is already there is taken without waiting, and others wait for the loop

    async def _exactly(self, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        taken = bytearray()
        while len(taken) < size:
            piece = await loop.sock_recv(self.channel, size - len(taken))
            if not piece:
                raise EOFError
            taken += piece
        return bytes(taken)


def _environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1"}


class FeedWorkers:
    """A few processes, started when there is something to read; use it as `async with FeedWorkers() as workers`."""

    def __init__(self, *, at_most: int = 2, warm: int = 1, seconds: float = SECONDS) -> None:
        self._places = asyncio.Semaphore(at_most)
        self._big = asyncio.Semaphore(1)
        self._warm = warm
        self._seconds = seconds
        self._idle: list[_Worker] = []
        self._alive: set[_Worker] = set()  # until they are waited for, killed ones too
        self._closed = False
        # Whoever forgets to close us leaves no process behind, neither at the end of the program nor before.
        self._finalizer = weakref.finalize(self, _end_all, self._alive)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every process, at work or not; returns when they are gone."""
        self._closed = True
        while self._idle:
            self._let_go(self._idle.pop(), keep=False)
        for worker in self._alive:
            worker.process.kill()  # a read under way hears of it, and lets go of its worker
        while self._alive:
            await asyncio.sleep(LOOK_AGAIN)
            self._bury()

    async def read(
        self,
        body: bytes,
        *,
        content_type: str,
        base_url: str,
        timezone: ZoneInfo,
        now: datetime,
        known_hash: str = "",
    ) -> FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere:
        """What these bytes say, or that they are the ones of `known_hash`; the hash of what came is in the answer."""
        job = Job(len(body), content_type, base_url, timezone.key or "UTC", now.isoformat(), known_hash)
        if len(body) < BIG:
            return await self._in_turn(job, body)
        async with self._big:
            return await self._in_turn(job, body)

    async def _in_turn(self, job: Job, body: bytes) -> FeedRead | FeedUnchanged | FeedFailed | FeedElsewhere:
        async with self._places:
            if self._closed:
                return CLOSED
            try:
                worker = self._hired()
            except OSError as error:
                return FeedFailed("error", f"No process could be started to read the feed ({error.strerror}).")
            keep = False
            try:
                async with asyncio.timeout(self._seconds):
                    answer, spent = await worker.ask(job, body)
                keep = not spent
            except TimeoutError:
                return FeedFailed("error", f"Reading the feed took longer than {self._seconds:g} seconds.")
            except (Garbage, EOFError, OSError):
                return self._why_it_broke()
            finally:
                self._let_go(worker, keep=keep)
            return answer

    def _why_it_broke(self) -> FeedFailed:
        return CLOSED if self._closed else BROKE

    def _hired(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.process.poll() is None:
                return worker
            self._let_go(worker, keep=False)
        worker = _Worker()
        self._alive.add(worker)
        return worker

    def _let_go(self, worker: _Worker, *, keep: bool) -> None:
        """Keep a worker for the next feed, or end it; a read that was cancelled half-way always ends it."""
        if keep and not self._closed and len(self._idle) < self._warm:
            self._idle.append(worker)
            return
        worker.channel.close()
        worker.process.kill()
        self._bury()

    def _bury(self) -> None:
        """Wait for the ended ones that are gone, and look again later for those that are still going."""
        ended = [worker for worker in self._alive if worker.channel.fileno() < 0]
        self._alive.difference_update([worker for worker in ended if worker.process.poll() is not None])
        if any(worker in self._alive for worker in ended):
            with suppress(RuntimeError):  # no loop any more: then the finalizer waits for them
                asyncio.get_running_loop().call_later(LOOK_AGAIN, self._bury)


def _end_all(workers: set[_Worker]) -> None:
    while workers:
        worker = workers.pop()
        worker.process.kill()
        worker.process.wait()
        worker.channel.close()
