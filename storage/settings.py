"""The few switches that must outlive a restart, by name."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import settings


@dataclass(frozen=True, slots=True)
class Settings:
    connection: AsyncConnection

    async def get(self, key: str) -> str | None:
        return await self.connection.scalar(select(settings.c.value).where(settings.c.key == key))

    async def put(self, key: str, value: str | None) -> None:
        """Set the switch, or clear it with None."""
        await self.connection.execute(delete(settings).where(settings.c.key == key))
        if value is not None:
            await self.connection.execute(insert(settings).values(key=key, value=value))
