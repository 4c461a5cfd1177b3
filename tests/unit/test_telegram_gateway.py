"""Calls to Telegram over a real socket: what has left this machine, and what has not."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from bot.gateways.http import Fetcher
from bot.gateways.media import Pictures
from bot.gateways.sending import TelegramSender
from bot.gateways.telegram import Api
from newsroom.deliveries import Deferred, Form, Refused, Sent, Unknown
from newsroom.ids import ChatId
from newsroom.text.post import Button, Post

TOKEN = "4242:AAthisTokenOpensOnlyTheSandbox_00000"


@asynccontextmanager
async def api(port: int) -> AsyncIterator[TelegramSender]:
    address = f"http://127.0.0.1:{port}"
    async with Api(address, TOKEN, connect=0.3) as opened, Fetcher(user_agent="Elchi/test") as fetcher:
        yield TelegramSender(opened, Pictures(fetcher))


async def test_a_network_that_swallows_connections_defers(unused_port: int) -> None:
    with socket.create_server(("127.0.0.1", unused_port), backlog=0) as hole:
        crowd = [socket.socket() for _ in range(4)]  # whoever comes after them waits for ever
        try:
            for one in crowd:
                one.setblocking(False)
                one.connect_ex(hole.getsockname())
            async with api(unused_port) as telegram:
                assert isinstance(await telegram.send(ChatId(11), Post("news"), None), Deferred)
                assert not await telegram.answers()
        finally:
            for one in crowd:
                one.close()


async def test_nobody_there_defers(unused_port: int) -> None:
    async with api(unused_port) as telegram:
        assert isinstance(await telegram.send(ChatId(11), Post("news"), None), Deferred)


async def test_a_line_cut_after_the_request_is_unknown(unused_port: int) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", unused_port)
    async with server, api(unused_port) as telegram:
        assert isinstance(await telegram.send(ChatId(11), Post("news"), None), Unknown)


BUTTONS = ((Button("Читать", "https://news.example/7"),),)
BUTTON_URL = "Bad Request: inline keyboard button URL 'https://news.example/7' is invalid: Wrong HTTP URL"


@dataclass
class Heard:
    """A Telegram that says what the test wants said, and keeps what it was called with."""

    says: Callable[[str, Mapping[str, Any]], tuple[int, dict[str, Any] | None]]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@asynccontextmanager
async def telegram(heard: Heard, port: int) -> AsyncIterator[TelegramSender]:
    async def answer(request: web.Request) -> web.Response:
        form = request.content_type == "multipart/form-data"
        parameters = dict(await request.post()) if form else await request.json()
        heard.calls.append((request.match_info["method"], parameters))
        status, body = heard.says(*heard.calls[-1])
        return web.Response(status=status, text="<html>" if body is None else json.dumps(body))

    async def picture(_: web.Request) -> web.Response:
        return web.Response(body=b"\xff\xd8\xff", content_type="image/jpeg")

    application = web.Application()
    application.router.add_post("/bot{token}/{method}", answer)
    application.router.add_get("/7.jpg", picture)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with (
            Api(f"http://127.0.0.1:{port}", TOKEN) as opened,
            Fetcher(user_agent="Elchi/test", allow_private=True) as fetcher,
        ):
            yield TelegramSender(opened, Pictures(fetcher))
    finally:
        await runner.cleanup()


def refused(words: str, status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"ok": False, "error_code": status, "description": words}


ACCEPTED = (200, {"ok": True, "result": {"message_id": 7}})


@pytest.mark.parametrize("words", [BUTTON_URL, "Bad Request: BUTTON_URL_INVALID"])
async def test_a_post_whose_buttons_are_refused_goes_without(words: str, unused_port: int) -> None:
    heard = Heard(lambda _, parameters: refused(words) if "reply_markup" in parameters else ACCEPTED)
    async with telegram(heard, unused_port) as sender:
        assert await sender.send(ChatId(11), Post("news", BUTTONS), None) == Sent(7)
        assert await sender.edit(ChatId(11), 7, Post("new", BUTTONS), Form.TEXT, None) == Sent(7)
    assert [method for method, _ in heard.calls] == ["sendMessage"] * 2 + ["editMessageText"] * 2


async def test_a_refusal_of_buttons_is_answered_once(unused_port: int) -> None:
    heard = Heard(lambda *_: refused(BUTTON_URL))
    async with telegram(heard, unused_port) as sender:
        assert isinstance(await sender.send(ChatId(11), Post("news", BUTTONS), None), Refused)
        assert isinstance(await sender.send(ChatId(11), Post("news", ((Button("OK", data="1"),),)), None), Refused)
    assert len(heard.calls) == 3


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
