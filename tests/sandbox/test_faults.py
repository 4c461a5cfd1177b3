"""Misfortunes on demand, and what the stand-in remembers of them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    RestartingTelegram,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
)

from sandbox.botapi import serve
from sandbox.model import Fault, FaultKind
from tests.sandbox.conftest import World, make_world, until


@pytest.mark.parametrize(
    ("kind", "words", "error"),
    [
        ("too_many", "", TelegramRetryAfter),
        ("error", "Forbidden: bot was blocked by the user", TelegramForbiddenError),
        ("restart", "", RestartingTelegram),
        ("html", "", ClientDecodeError),
        ("drop_before", "", TelegramNetworkError),
        ("drop_after", "", TelegramNetworkError),
    ],
)
async def test_aiogram_sees_the_misfortune(
    world: World, client: Bot, kind: FaultKind, words: str, error: type[Exception]
) -> None:
    world.telegram.faults.add(Fault(kind, text=words, retry_after=7))
    with pytest.raises(error) as caught:
        await client.send_message(world.reader.id, "раз")
    if isinstance(caught.value, TelegramRetryAfter):
        assert caught.value.retry_after == 7
    assert world.telegram.accepted[world.reader.id, "раз"] == (kind == "drop_after")
    await client.send_message(world.reader.id, "два")
    assert world.telegram.accepted[world.reader.id, "два"] == 1


async def test_a_fault_waits_for_its_method_and_its_chat(world: World) -> None:
    world.telegram.faults.add(Fault("restart", method="sendmessage", chat_id=world.group.id, times=2))
    await world.send(world.reader.id, "мимо")
    for _ in range(2):
        assert await world.refusal("sendMessage", chat_id=world.group.id, text="x") == (
            "500 Internal Server Error: restart"
        )
    await world.send(world.group.id, "прошло")


async def test_a_lasting_fault_spares_the_poll_until_cleared(world: World) -> None:
    world.telegram.faults.add(Fault("restart", times=-1))
    world.telegram.says(world.reader.id, "привет")
    for _ in range(3):
        assert (await world.ask("sendMessage", chat_id=world.group.id, text="x"))["status"] == 500
    assert (await world.ask("getUpdates"))["ok"]
    world.telegram.faults.clear()
    await world.send(world.group.id, "прошло")


async def test_a_hanging_request_is_accepted_later(world: World) -> None:
    world.telegram.faults.add(Fault("hang", retry_after=20))
    sending = asyncio.create_task(world.send(world.reader.id, "медленно"))
    await until(lambda: world.telegram.open_requests)
    assert not world.telegram.accepted
    await sending
    assert world.telegram.accepted[world.reader.id, "медленно"] == 1
    assert world.telegram.open_requests == 0


async def test_accepted_and_unanswered_is_countable() -> None:
    world = make_world()
    async with serve(world.telegram, latency=0.1) as served, aiohttp.ClientSession() as world.http:
        world.url = served.url
        sending = asyncio.create_task(world.send(world.reader.id, "x"))
        await until(lambda: world.telegram.accepted)
        assert world.telegram.accepted_unanswered == 1
        await sending
        assert world.telegram.accepted_unanswered == 0


async def test_every_call_is_remembered(world: World) -> None:
    await world.send(world.reader.id, "x")
    await world.ask("sendMessage", chat_id=0, text="x")
    world.telegram.faults.add(Fault("drop_before"))
    with pytest.raises(aiohttp.ClientError):
        await world.ask("getMe")
    assert [(call.method, call.status, call.description) for call in world.telegram.calls] == [
        ("sendMessage", 200, ""),
        ("sendMessage", 400, "Bad Request: chat not found"),
        ("getMe", 0, ""),
    ]


async def test_sloppy_clients_are_noticed(world: World) -> None:
    await world.ask("sendMessage", chat_id=world.reader.id, text="x", markup={}, message_thread_id="нет")
    await world.ask("sendMessage", chat_id=True, text=5, reply_markup="{", protect_content="да")
    await world.ask("sendDice", chat_id=1)
    assert world.telegram.violations == [
        "sendMessage: unknown parameter 'markup'",
        "sendMessage: message_thread_id is not a number: 'нет'",
        "sendMessage: chat_id is neither a number nor a @name: True",
        "sendMessage: text is not a string: 5",
        "sendMessage: reply_markup is not JSON: '{'",
        "sendMessage: protect_content is not a flag: 'да'",
        "unknown method 'sendDice'",
    ]
