"""A place with pictures, and with much that is none; and photos sent from there and from a form."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.pictures import landscape
from tests.sandbox.conftest import TOKEN, World

PICTURE = landscape(1, 200, 100)
OTHER = landscape(2, 400, 300, "png")


def sized(width: int, height: int) -> bytes:
    """The beginning of a PNG, which is all that is looked at."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


@asynccontextmanager
async def picture_site() -> AsyncIterator[str]:
    """Serve the place until the block ends; its address."""

    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/picture.jpg":
                return web.Response(body=PICTURE.data, content_type="image/jpeg")
            case "/other.png":
                return web.Response(body=OTHER.data, content_type="image/png")
            case "/moved.jpg":
                raise web.HTTPFound("/picture.jpg")
            case "/loop.jpg":
                raise web.HTTPFound("/loop.jpg")
            case "/outside.jpg":
                raise web.HTTPFound("http://192.0.2.1/picture.jpg")
            case "/page.jpg":
                return web.Response(text="<h1>Нет картинки</h1>", content_type="text/html")
            case "/fake.jpg":
                return web.Response(body=b"never a picture", content_type="image/jpeg")
            case "/wide.png":
                return web.Response(body=sized(2100, 100), content_type="image/png")
            case "/huge.jpg":
                return web.Response(body=PICTURE.data + bytes(5 * 1024 * 1024), content_type="image/jpeg")
            case "/slow.jpg":
                await asyncio.sleep(30)
            case _:
                pass
        raise web.HTTPNotFound

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def upload(world: World, method: str, files: dict[str, bytes], **params: Any) -> dict[str, Any]:
    """Call a method with a form and files in it."""
    assert world.http is not None
    form = aiohttp.FormData()
    for name, value in params.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value))
    for name, data in files.items():
        form.add_field(name, io.BytesIO(data), filename=f"{name}.jpg", content_type="image/jpeg")
    async with world.http.post(f"{world.url}/bot{TOKEN}/{method}", data=form) as response:
        answer: dict[str, Any] = await response.json()
        return answer


async def send(world: World, data: bytes = PICTURE.data, **params: Any) -> dict[str, Any]:
    """Send a photo to the reader by upload; the message."""
    answer = await upload(world, "sendPhoto", {"photo": data}, **({"chat_id": world.reader.id} | params))
    assert answer["ok"], answer
    result: dict[str, Any] = answer["result"]
    return result
