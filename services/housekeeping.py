"""What is swept away when its time is over, and what is mended when the machine's clock jumps."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsroom.ports import Clock
from storage.database import Storage

log = logging.getLogger(__name__)

STEP = timedelta(seconds=5)  # a clock that loses more than this against the monotonic one was set back


@dataclass(slots=True)
class Housekeeping:
    storage: Storage
    clock: Clock
    _last: tuple[datetime, float] | None = None

    async def sweep(self) -> None:
        """Updates handled more than two days ago are forgotten."""
        async with self.storage.transaction() as tx:
            await tx.inbox.sweep(self.clock())

    async def watch_clock(self) -> None:
        """A clock set back would make everything that waits wait longer: then nothing waits."""
        now, elapsed = self.clock(), time.monotonic()
        last, self._last = self._last, (now, elapsed)
        if last is None or last[0] + timedelta(seconds=elapsed - last[1]) - now < STEP:
            return
        log.warning("the clock was set back to %s: what waits is due now", now.isoformat(timespec="seconds"))
        async with self.storage.transaction() as tx:
            await tx.outbox.stop_waiting()
            await tx.inbox.stop_waiting(now)
            await tx.feeds.stop_waiting(now)
