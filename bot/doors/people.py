"""Who is speaking and in which language: what every handler is given beside the update."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import Chat, TelegramObject, User

from newsroom.ids import ChatId
from services.chats import Chats


class Introduce(BaseMiddleware):
    """Gives handlers `person` and `tongue`: the language this chat chose, else the one Telegram reports."""

    def __init__(self, chats: Chats) -> None:
        self.chats = chats

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        person, chat = data.get("event_from_user"), data.get("event_chat")
        data["person"] = person
        chosen = await self.chats.language(ChatId(chat.id)) if isinstance(chat, Chat) else None
        data["tongue"] = chosen or (person.language_code if isinstance(person, User) else None) or ""
        return await handler(event, data)
