"""Calls to Telegram over a real socket: what has left this machine, and what has not."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.gateways.http import Fetcher
from bot.gateways.media import Pictures
from bot.gateways.sending import TelegramSender
from bot.gateways.telegram import Api
from newsroom.deliveries import Deferred, Unknown
from newsroom.ids import ChatId
from newsroom.text.post import Post

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


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
