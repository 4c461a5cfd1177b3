"""What is put aside or swept away, and what is mended when the machine's clock jumps or the key has changed."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsroom.errors import KeyProblem
from newsroom.ids import Arrived
from newsroom.ports import Clock
from services.outgoing import Outgoing
from storage.database import Storage, Transaction
from storage.inbox import Waiting

log = logging.getLogger(__name__)

STEP = timedelta(seconds=5)  # a clock that loses more than this against the monotonic one was set back
LONGEST_WAIT = timedelta(minutes=1)  # of an update that is tried again: bot.doors.desk plans no longer one
TOLD_TOGETHER = timedelta(hours=1)
PUT_ASIDE = "put-aside"


@dataclass(frozen=True, slots=True)
class Untold:
    """Updates put aside since the editors heard of one, and the last of them."""

    told_at: datetime
    count: int
    kind: str
    why: str


@dataclass(slots=True)
class Housekeeping:
    storage: Storage
    outgoing: Outgoing
    clock: Clock
    _last: tuple[datetime, float] | None = None

    async def begin(self, every: Mapping[str, timedelta]) -> None:
        """After a rest of any length: what waits for a time that never comes, or for a key that is gone, waits no more.

        `every` says how often each feed is read, by address.
        """
        now = self.clock()
        async with self.storage.transaction() as tx:
            for url, interval in every.items():
                await tx.feeds.wait_no_longer_than(url, interval, now)
            await tx.inbox.stop_waiting(now, beyond=LONGEST_WAIT)
        await self._put_aside_unreadable()

    async def put_aside(self, arrived: Arrived, kind: str, why: str) -> None:
        """Give an update up. The editors hear of the first at once, and of what follows within the hour together."""
        log.error("update %d (%s) put aside: %s", arrived, kind, why)
        async with self.storage.transaction() as tx:
            if await tx.inbox.is_done(arrived):
                return
            await tx.inbox.put_aside([arrived], why, self.clock())
            before = await self._untold(tx)
            if before is None or self._told_long_ago(before):
                await self._tell(tx, 1 + (before.count if before else 0), kind, why)
            else:
                await self._keep(tx, Untold(before.told_at, before.count + 1, kind, why))

    async def sweep(self) -> None:
        """Updates handled more than two days ago are forgotten; those put aside and not told yet are told."""
        async with self.storage.transaction() as tx:
            await tx.inbox.sweep(self.clock())
            untold = await self._untold(tx)
            if untold is not None and untold.count and self._told_long_ago(untold):
                await self._tell(tx, untold.count, untold.kind, untold.why)

    async def watch_clock(self) -> None:
        """A clock set back would make everything that waits wait longer: then nothing waits."""
        now, elapsed = self.clock(), time.monotonic()
        if self._last is not None and self._last[0] + timedelta(seconds=elapsed - self._last[1]) - now >= STEP:
            log.warning("the clock was set back to %s: what waits is due now", now.isoformat(timespec="seconds"))
            async with self.storage.transaction() as tx:
                await tx.outbox.stop_waiting()
                await tx.inbox.stop_waiting(now)
                await tx.feeds.stop_waiting(now)
        self._last = (now, elapsed)  # only now: had the database been in trouble, the next look would see it again

    async def _put_aside_unreadable(self) -> None:
        """With another key, whatever waits under the old one is given up at once, with one alarm for all."""
        async with self.storage.transaction() as tx:
            lost: list[Waiting] = []
            last = Arrived(0)
            while page := await tx.inbox.page(last):
                lost += [one for one in page if not self._opens(one.payload)]
                last = page[-1].arrived
            if lost:
                why = f"cannot be decoded: {KeyProblem.__name__}"
                log.error("%d updates were sealed with another key: they are put aside", len(lost))
                await tx.inbox.put_aside([one.arrived for one in lost], why, self.clock())
                await self._tell(tx, len(lost), lost[-1].kind, why)

    def _opens(self, sealed: bytes) -> bool:
        try:
            self.storage.keyring.unseal(sealed)
        except KeyProblem:
            return False
        return True

    async def _tell(self, tx: Transaction, count: int, kind: str, why: str) -> None:
        if count == 1:
            await self.outgoing.alarm(tx, "alarm-put-aside", kind=kind, why=why)
        else:
            await self.outgoing.alarm(tx, "alarm-put-aside-many", count=count, kind=kind, why=why)
        await self._keep(tx, Untold(self.clock(), 0, kind, why))

    def _told_long_ago(self, before: Untold) -> bool:
        return abs(self.clock() - before.told_at) >= TOLD_TOGETHER  # in either direction: clocks are set

    async def _untold(self, tx: Transaction) -> Untold | None:
        """None when the editors never heard of one."""
        stored = await tx.settings.get(PUT_ASIDE)
        if stored is None:
            return None
        told_at, count, kind, why = json.loads(stored)
        return Untold(datetime.fromisoformat(told_at), count, kind, why)

    async def _keep(self, tx: Transaction, untold: Untold) -> None:
        stored = [untold.told_at.isoformat(), untold.count, untold.kind, untold.why]
        await tx.settings.put(PUT_ASIDE, json.dumps(stored))
