"""A bot's own side of Telegram: its queue of updates, its long poll, its commands and descriptions."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Final

from sandbox.model import Json, Poll, Update, User
from sandbox.rules import AGE_OF_UPDATE, ApiError

_NOT_BY_DEFAULT: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_OTHER_POLL: Final = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_ACTIVE: Final = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class Bot:
    """What Telegram keeps for one bot token."""

    def __init__(self, token: str, user: User, speed: float) -> None:
        self.token, self.user, self.speed = token, user, speed
        self.revoked = False
        self.closing = False
        self.webhook_url = ""
        self.allowed: list[str] | None = None
        self.queue: list[Update] = []
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.descriptions: dict[str, str] = {}
        self.short_descriptions: dict[str, str] = {}
        self._ids = itertools.count(700_000_001)
        self._poll: Poll | None = None
        self._last_offset: int | None = None
        self._last_poll = self._last_conflict = -1e9

    def wants(self, kind: str) -> bool:
        return kind not in _NOT_BY_DEFAULT if not self.allowed else kind in self.allowed

    def push(self, kind: str, payload: Json, now: float, age: float = AGE_OF_UPDATE) -> None:
        """Queue an update unless this bot did not ask for its kind."""
        if self.wants(kind):
            self.push_raw({kind: payload}, now, age)

    def push_raw(self, body: Json, now: float, age: float = AGE_OF_UPDATE) -> None:
        number = next(self._ids)
        self.queue.append(Update(number, {"update_id": number, **body}, now + age))
        self._wake()

    def pending(self, now: float) -> list[Update]:
        self.queue = [update for update in self.queue if update.expires > now]
        return self.queue

    def interrupt(self, conflict: str = "") -> None:
        """End the open long poll: with this conflict, or with an empty answer."""
        if self._poll is not None:
            self._poll.conflict = conflict
            self._poll.woken.set()

    @property
    def polling(self) -> bool:
        """Whether a getUpdates request is waiting now."""
        return self._poll is not None

    def close(self) -> None:
        self.closing = True
        self.interrupt()

    async def updates(self, *, offset: int, limit: int, seconds: float, now: Callable[[], float]) -> list[Json]:
        """What getUpdates answers, after waiting as long as it would."""
        if self.webhook_url:
            raise ApiError(409, _WEBHOOK_ACTIVE)
        self.interrupt(_OTHER_POLL)
        poll = self._poll = Poll()
        self._confirm(offset, now())
        clock = time.monotonic()
        if offset == self._last_offset and seconds < 3 and clock < self._last_poll + 3 / self.speed:
            seconds = 3
            if clock < self._last_poll + 0.5 / self.speed:
                limit = 1
        self._last_offset, self._last_poll = offset, clock
        deadline = clock + seconds / self.speed
        try:
            while not (self.pending(now()) or poll.conflict or self.closing):
                poll.woken.clear()
                await asyncio.wait_for(poll.woken.wait(), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            pass
        finally:
            if self._poll is poll:
                self._poll = None
        if poll.conflict:
            await self._refuse(poll.conflict)
        return [update.body for update in self.pending(now())[:limit]]

    def _wake(self) -> None:
        if self._poll is not None:
            self._poll.woken.set()

    def _confirm(self, offset: int, now: float) -> None:
        if offset > 0:
            self.queue = [update for update in self.queue if update.update_id >= offset]
        elif offset < 0:
            self.queue = self.pending(now)[offset:]

    async def _refuse(self, conflict: str) -> None:
        clock = time.monotonic()
        recent = clock < self._last_conflict + 3 / self.speed
        self._last_conflict = clock
        if recent:
            await asyncio.sleep(3 / self.speed)
        raise ApiError(409, conflict)
