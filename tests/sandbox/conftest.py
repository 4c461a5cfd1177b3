"""A small world for the sandbox's own tests: one bot, one reader, one of each kind of chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from sandbox.botapi import serve
from sandbox.model import Chat, User
from sandbox.telegram import Telegram

TOKEN = "42:SANDBOX"


@dataclass
class World:
    telegram: Telegram
    bot: User
    reader: User
    stranger: User
    channel: Chat
    group: Chat
    supergroup: Chat
    url: str = ""
    http: aiohttp.ClientSession | None = None

    async def ask(self, method: str, token: str = TOKEN, **params: Any) -> dict[str, Any]:
        """Call a method with a JSON body; the answer with its HTTP status as `status`."""
        assert self.http is not None
        async with self.http.post(f"{self.url}/bot{token}/{method}", json=params) as response:
            answer: dict[str, Any] = await response.json()
            return answer | {"status": response.status, "headers": response.headers}

    async def refusal(self, method: str, **params: Any) -> str:
        answer = await self.ask(method, **params)
        assert answer["ok"] is False
        assert answer["error_code"] == answer["status"]
        return f"{answer['error_code']} {answer['description']}"

    async def send(self, chat_id: int | str, text: str, **params: Any) -> int:
        answer = await self.ask("sendMessage", chat_id=chat_id, text=text, **params)
        assert answer["ok"], answer
        return int(answer["result"]["message_id"])


async def until(condition: Callable[[], object]) -> None:
    """Let the other tasks run until this holds."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came true")


def make_world(*, speed: float = 200.0, rates: bool = True) -> World:
    telegram = Telegram(speed=speed, rates=rates)
    bot = telegram.add_bot(TOKEN)
    reader, stranger = telegram.add_user("Айгуль"), telegram.add_user("Незнакомец")
    channel = telegram.add_channel("Новости степи", username="step_news")
    group, supergroup = telegram.add_group("Редакция"), telegram.add_supergroup("Обсуждение")
    telegram.set_member(channel.id, bot.id, "administrator")
    telegram.set_member(group.id, bot.id, "member")
    telegram.set_member(supergroup.id, bot.id, "administrator")
    telegram.start(reader.id)
    telegram.bot().queue.clear()
    return World(telegram, bot, reader, stranger, channel, group, supergroup)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = make_world()
    async with serve(made.telegram) as served, aiohttp.ClientSession() as http:
        made.url, made.http = served.url, http
        yield made


@pytest.fixture
async def client(world: World) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(world.url))
    async with Bot(TOKEN, session=session) as bot:
        yield bot
