"""What is swept away when its time is over."""

from dataclasses import dataclass

from newsroom.ports import Clock
from storage.database import Storage


@dataclass(frozen=True, slots=True)
class Housekeeping:
    storage: Storage
    clock: Clock

    async def sweep(self) -> None:
        """Updates handled more than two days ago are forgotten."""
        async with self.storage.transaction() as tx:
            await tx.inbox.sweep(self.clock())
