"""The fetcher against a real server on this machine: what it takes, what it refuses, and what it says then."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.gateways.http import (
    BadAddress,
    Fetcher,
    FetchFailed,
    NotModified,
    PrivateAddress,
    Refused,
    Response,
    TimedOut,
    TooLarge,
    is_public,
)
from newsroom.articles import Validators

CAP = 64 * 1024


async def page(request: web.Request) -> web.Response:
    if request.headers.get("If-None-Match") == '"v1"':
        return web.Response(status=304)
    return web.Response(text="hello", headers={"ETag": '"v1"', "Last-Modified": "Fri, 20 Feb 2026 01:36:00 GMT"})


async def packed(request: web.Request) -> web.Response:
    bare = zlib.compressobj(wbits=-15)
    bodies = {
        "gzip": gzip.compress(b"hello"),
        "deflate": zlib.compress(b"hello"),
        "bare": bare.compress(b"hello") + bare.flush(),
        "bomb": gzip.compress(bytes(50 * 2**20)),
        "broken": b"\x1f\x8bnot gzip at all",
        "br": b"hello",
    }
    kind = request.match_info["kind"]
    packing = {"deflate": "deflate", "bare": "deflate", "br": "br"}.get(kind, "gzip")
    return web.Response(body=bodies[kind], headers={"Content-Encoding": packing})


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(20):
        await answer.write(bytes(CAP // 4))
    return answer


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


async def away(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": request.query["to"]})


async def missing(request: web.Request) -> web.Response:
    return web.Response(status=404, headers={"Retry-After": "60"})


@pytest.fixture
async def site() -> AsyncIterator[str]:
    app = web.Application()
    for path, handler in {
        "/page": page,
        "/packed/{kind}": packed,
        "/endless": endless,
        "/slow": slow,
        "/away": away,
        "/missing": missing,
    }.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    tcp = web.TCPSite(runner, "127.0.0.1", 0)
    await tcp.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(user_agent="test", allow_private=True, total=2, idle=0.3, body_cap=CAP) as one:
        yield one


async def test_a_page_comes_with_its_validators(site: str, fetcher: Fetcher) -> None:
    answer = await fetcher.get(f"{site}/page")
    assert isinstance(answer, Response)
    assert (answer.body, answer.content_type) == (b"hello", "text/plain; charset=utf-8")
    assert await fetcher.get(f"{site}/page", validators=answer.validators) == NotModified(answer.validators)


@pytest.mark.parametrize("kind", ["gzip", "deflate", "bare"])
async def test_packed_pages_are_unpacked(site: str, fetcher: Fetcher, kind: str) -> None:
    answer = await fetcher.get(f"{site}/packed/{kind}")
    assert isinstance(answer, Response)
    assert answer.body == b"hello"


@pytest.mark.parametrize("path", ["packed/bomb", "endless"])
async def test_a_page_too_long_is_left_before_its_end(site: str, fetcher: Fetcher, path: str) -> None:
    with pytest.raises(TooLarge):
        await fetcher.get(f"{site}/{path}")


@pytest.mark.parametrize("kind", ["broken", "br"])
async def test_a_page_that_cannot_be_unpacked_is_a_failure(site: str, fetcher: Fetcher, kind: str) -> None:
    with pytest.raises(FetchFailed, match="packed"):
        await fetcher.get(f"{site}/packed/{kind}")


async def test_a_silent_server_is_not_waited_for(site: str, fetcher: Fetcher) -> None:
    with pytest.raises(TimedOut):
        await fetcher.get(f"{site}/slow")


async def test_the_whole_time_is_bounded_too(site: str) -> None:
    async with Fetcher(user_agent="test", allow_private=True, total=0.1) as hasty:
        with pytest.raises(TimedOut):
            await hasty.get(f"{site}/slow")


async def test_a_missing_page_keeps_its_status(site: str, fetcher: Fetcher) -> None:
    with pytest.raises(Refused) as caught:
        await fetcher.get(f"{site}/missing")
    assert (caught.value.status, caught.value.retry_after) == (404, "60")


async def test_redirects_are_followed_but_not_for_ever(site: str, fetcher: Fetcher) -> None:
    answer = await fetcher.get(f"{site}/away?to=/page")
    assert isinstance(answer, Response)
    assert answer.url == f"{site}/page"
    with pytest.raises(FetchFailed, match="5 redirects"):
        await fetcher.get(f"{site}/away?to=/away%3Fto%3D/away%253Fto%253D/away%25253Fto%25253D/away%2525253Fto%2525253D"
                          "/away%252525253Fto%252525253D/away%25252525253Fto%25252525253D/page")  # fmt: skip


async def test_a_redirect_out_of_the_web_is_refused(site: str, fetcher: Fetcher) -> None:
    with pytest.raises(BadAddress):
        await fetcher.get(f"{site}/away?to=file:///etc/passwd")


async def test_a_redirect_to_a_private_address_is_refused(site: str) -> None:
    port = site.rpartition(":")[2]
    async with Fetcher(user_agent="test", admits=lambda address: address == "127.0.0.1") as guarded:
        assert isinstance(await guarded.get(f"{site}/page"), Response)
        with pytest.raises(PrivateAddress):
            await guarded.get(f"{site}/away?to=http://127.0.0.2:{port}/page")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])
async def test_private_addresses_are_refused_however_they_are_written(site: str, host: str) -> None:
    port = site.rpartition(":")[2]
    async with Fetcher(user_agent="test", total=3) as guarded:
        with pytest.raises(FetchFailed) as caught:
            await guarded.get(f"http://{host}:{port}/page")
    assert "hello" not in caught.value.reason


async def test_the_refusal_says_why(site: str) -> None:
    async with Fetcher(user_agent="test") as guarded:
        with pytest.raises(PrivateAddress, match="not public"):
            await guarded.get(f"{site}/page")


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "ftp://e.kg/", "http://", "http://[broken", "example.kg"])
async def test_what_is_no_web_address_is_not_tried(fetcher: Fetcher, url: str) -> None:
    with pytest.raises(BadAddress):
        await fetcher.get(url)


async def test_reasons_hold_no_secrets(site: str, fetcher: Fetcher) -> None:
    address = site.replace("http://", "http://user:hunter2@") + "/missing?key=swordfish"
    with pytest.raises(Refused) as caught:
        await fetcher.get(address)
    assert "hunter2" not in caught.value.reason
    assert "swordfish" not in caught.value.reason


async def test_validators_cannot_smuggle_a_header(site: str, fetcher: Fetcher) -> None:
    answer = await fetcher.get(f"{site}/page", validators=Validators(etag='"v1"\r\nX: y'))
    assert isinstance(answer, Response)


@pytest.mark.parametrize("mark", [b'ETag: "\xff\xfe"', b'ETag: "\xd1\x8f"', b"Last-Modified: Fri \x01", b"ETag: "])
async def test_a_mark_that_cannot_be_kept_or_sent_back_is_not_kept(mark: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n" + mark + b"\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as server,
        Fetcher(user_agent="Elchi test", allow_private=True) as fetcher,
    ):
        port = server.sockets[0].getsockname()[1]
        got = await fetcher.get(f"http://127.0.0.1:{port}/")
    assert got.validators == Validators()


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.168.1.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "ff02::1",
        "::7f00:1",
        "nonsense",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)
