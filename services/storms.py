"""An editor's word on a storm: the held articles are posted after all, or never."""

from dataclasses import dataclass

from newsroom.ids import Arrived, StormId, UserId
from newsroom.ports import Clock
from services.outgoing import Outgoing
from storage.database import Storage


@dataclass(frozen=True, slots=True)
class Storms:
    storage: Storage
    outgoing: Outgoing
    clock: Clock

    async def decide(self, cause: Arrived, storm: StormId, by: UserId, *, post: bool) -> bool:
        """True when this decides the storm; False when somebody has decided it before."""
        async with self.storage.transaction() as tx:
            await tx.lock_audience()
            decided = await tx.articles.decide_storm(storm, by, self.clock())
            if decided and post:
                for number, article in await tx.articles.of_storm(storm):
                    await self.outgoing.announce(tx, number, article)
            await tx.inbox.done(cause, self.clock())
        return decided
