"""The fetcher against a real server on this machine: what it takes, what it refuses, and what it says then."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

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
    user_agent,
)
from bot.gateways.http_guard import is_public
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


async def hop(request: web.Request) -> web.Response:
    """One step of a way like /way/301/302/page: the rest of it is where this step leads."""
    rest, status = request.match_info["rest"], int(request.match_info["status"])
    return web.Response(status=status, headers={"Location": f"/{rest}" if rest == "page" else f"/way/{rest}"})


async def missing(request: web.Request) -> web.Response:
    return web.Response(status=404, headers={"Retry-After": "60"})


async def busy(request: web.Request) -> web.Response:
    asked = {"Retry-After": request.query["wait"], "Date": request.query.get("date", "Fri, 20 Feb 2026 01:36:00 GMT")}
    return web.Response(status=503, headers=asked)


class Crowd:
    """A page that takes its time and knows how many ask for it at once, and over which connections."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.connections = set[object]()
        self.inside = 0
        self.most_at_once = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.order.append(request.query["who"])
        self.connections.add(request.transport)
        self.inside += 1
        self.most_at_once = max(self.most_at_once, self.inside)
        await asyncio.sleep(0.05)
        self.inside -= 1
        return web.Response(text="hello")


@asynccontextmanager
async def serving(handlers: Mapping[str, Handler], secured: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    for path, handler in handlers.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    tcp = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secured)
    await tcp.start()
    try:
        yield f"{'https' if secured else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def site() -> AsyncIterator[str]:
    handlers = {
        "/page": page,
        "/packed/{kind}": packed,
        "/endless": endless,
        "/slow": slow,
        "/away": away,
        "/way/{status}/{rest:.*}": hop,
        "/missing": missing,
        "/busy": busy,
    }
    async with serving(handlers) as address:
        yield address


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """TLS for 127.0.0.1 by an authority that aiohttp trusts for the length of a test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    today = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=1)
        .not_valid_before(today - timedelta(days=9999))
        .not_valid_after(today + timedelta(days=9999))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(secret + pem)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context(cadata=pem.decode()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


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
    assert (caught.value.status, caught.value.retry_after) == (404, 60.0)


async def test_redirects_are_followed_but_not_for_ever(site: str, fetcher: Fetcher) -> None:
    answer = await fetcher.get(f"{site}/away?to=/page")
    assert isinstance(answer, Response)
    assert answer.url == f"{site}/page"
    with pytest.raises(FetchFailed, match="5 redirects"):
        await fetcher.get(f"{site}/away?to=/away%3Fto%3D/away%253Fto%253D/away%25253Fto%25253D/away%2525253Fto%2525253D"
                          "/away%252525253Fto%252525253D/away%25252525253Fto%25252525253D/page")  # fmt: skip


@pytest.mark.parametrize("way", ["301", "308", "301/308/301"])
async def test_an_address_that_moved_for_good_is_worth_remembering(site: str, fetcher: Fetcher, way: str) -> None:
    answer = await fetcher.get(f"{site}/way/{way}/page")
    assert answer.moved_to == f"{site}/page"
    unchanged = await fetcher.get(f"{site}/way/{way}/page", validators=answer.validators)
    assert unchanged == NotModified(answer.validators, moved_to=f"{site}/page")


@pytest.mark.parametrize("way", ["302", "303", "307", "301/302", "302/301", "301/307/308"])
async def test_an_address_lent_for_now_is_not_remembered(site: str, fetcher: Fetcher, way: str) -> None:
    answer = await fetcher.get(f"{site}/way/{way}/page")
    assert isinstance(answer, Response)
    assert (answer.url, answer.moved_to) == (f"{site}/page", None)


async def test_a_page_that_never_moved_has_nowhere_to_be_remembered(site: str, fetcher: Fetcher) -> None:
    assert (await fetcher.get(f"{site}/page#part")).moved_to is None


async def test_a_move_keeps_the_password_we_were_given_and_takes_none_from_a_stranger() -> None:
    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": request.query["to"]})

    async with (
        serving({"/moved": moved, "/page": page}) as site,
        Fetcher(user_agent="test", allow_private=True) as fetcher,
    ):
        ours, theirs = (site.replace("//", f"//{who}@") for who in ("user:hunter2", "mallory:x"))
        assert (await fetcher.get(f"{ours}/moved?to=/page%23top")).moved_to == f"{ours}/page"
        assert (await fetcher.get(f"{ours}/moved?to={theirs}/page")).moved_to is None
        assert (await fetcher.get(f"{ours}/moved?to={site}/page")).moved_to == f"{site}/page"


async def test_a_move_out_of_tls_is_followed_and_not_remembered(site: str, certified: ssl.SSLContext) -> None:
    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": request.query["to"]})

    async with (
        serving({"/moved": moved, "/page": page}, certified) as secure,
        Fetcher(user_agent="test", allow_private=True) as fetcher,
    ):
        assert (await fetcher.get(f"{secure}/moved?to={secure}/page")).moved_to == f"{secure}/page"
        assert (await fetcher.get(f"{site}/away?to={secure}/page")).moved_to is None
        assert (await fetcher.get(f"{secure}/moved?to={site}/page")).moved_to is None
        assert (await fetcher.get(f"{secure}/moved?to={site}/way/301/page")).moved_to is None


async def test_a_server_nobody_vouches_for_is_not_believed(
    certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context())
    async with (
        serving({"/page": page}, certified) as secure,
        Fetcher(user_agent="test", allow_private=True) as fetcher,
    ):
        with pytest.raises(FetchFailed, match=r"No secure connection to 127\.0\.0\.1"):
            await fetcher.get(f"{secure}/page")


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("0000000120", 120),
        ("86400", 86400),
        ("86401", 86400),
        pytest.param("9" * 6000, 86400, id="endless digits"),
        ("Fri, 20 Feb 2026 01:37:30 GMT", 90),
        ("Friday, 20-Feb-26 01:37:30 GMT", 90),
        ("Fri Feb 20 01:37:30 2026", 90),
        ("Fri, 20 Feb 2026 01:36:00 GMT", 0),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 86400),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("Fri, 99 Feb 2026 01:37:30 GMT", None),
        ("Fri, 20 Feb 99999999 01:37:30 GMT", None),
    ],
)
async def test_how_long_to_stay_away_is_understood(
    site: str, fetcher: Fetcher, asked: str, seconds: float | None
) -> None:
    with pytest.raises(Refused) as caught:
        await fetcher.get(f"{site}/busy?wait={quote(asked)}")
    assert caught.value.retry_after == seconds


async def test_a_server_without_a_clock_is_measured_by_ours(site: str, fetcher: Fetcher) -> None:
    later = quote(formatdate(time.time() + 600, usegmt=True))
    with pytest.raises(Refused) as caught:
        await fetcher.get(f"{site}/busy?wait={later}&date=yesterday")
    assert caught.value.retry_after == pytest.approx(600, abs=5)


async def test_a_host_is_asked_by_one_connection_in_the_order_of_asking() -> None:
    crowd = Crowd()
    names = [str(number) for number in range(8)]
    async with (
        serving({"/page": crowd.answer}) as site,
        Fetcher(user_agent="test", allow_private=True, total=0.2) as fetcher,  # half of what all eight take
    ):
        answers = await asyncio.gather(*(fetcher.get(f"{site}/page?who={name}") for name in names))
    assert all(isinstance(answer, Response) and answer.body == b"hello" for answer in answers)
    assert (crowd.order, crowd.most_at_once, len(crowd.connections)) == (names, 1, 1)


async def test_one_slow_host_does_not_keep_the_others_waiting(site: str) -> None:
    async with (
        serving({"/slow": slow}) as other,
        Fetcher(user_agent="test", allow_private=True, total=0.5) as fetcher,
    ):
        waiting = asyncio.create_task(fetcher.get(f"{other.replace('127.0.0.1', 'localhost')}/slow"))
        await asyncio.sleep(0)
        assert isinstance(await fetcher.get(f"{site}/page"), Response)
        assert not waiting.done()
        with pytest.raises(TimedOut):
            await waiting


async def test_who_gives_up_waiting_leaves_the_turn_to_the_next() -> None:
    crowd = Crowd()
    async with serving({"/page": crowd.answer}) as site, Fetcher(user_agent="test", allow_private=True) as fetcher:
        first, second, third = (asyncio.create_task(fetcher.get(f"{site}/page?who={who}")) for who in "abc")
        await asyncio.sleep(0.02)
        second.cancel()
        await asyncio.gather(first, third)
        with pytest.raises(asyncio.CancelledError):
            await second
    assert crowd.order == ["a", "c"]


async def test_a_redirect_within_one_host_does_not_wait_for_itself(site: str, fetcher: Fetcher) -> None:
    both = await asyncio.gather(*(fetcher.get(f"{site}/way/301/307/page") for _ in range(2)))
    assert [isinstance(one, Response) for one in both] == [True, True]


async def test_the_bot_introduces_itself() -> None:
    async def who(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["User-Agent"])

    name = user_agent("0.1", "https://example.kg/bot")
    assert name == "Elchi/0.1 (+https://example.kg/bot; news bot)"
    async with serving({"/who": who}) as site, Fetcher(user_agent=name, allow_private=True) as fetcher:
        answer = await fetcher.get(f"{site}/who")
    assert isinstance(answer, Response)
    assert answer.body.decode() == name


@pytest.mark.parametrize(
    ("version", "contact"),
    [
        ("0.1\r\nX: y", "https://example.kg/"),
        ("0.1", "https://example.kg/\r\nX: y"),
        ("0.1", "https://example.kg/\x00"),
        ("0.1", "https://example.kg/\x7f"),
        ("0.1", "https://example.kg/ (hello)"),
        ("0.1", "https://пример.kg/"),
        ("0.1", "https://"),
        ("0.1", "javascript:alert"),
        ("0.1", ""),
        ("", "https://example.kg/"),
    ],
)
def test_an_introduction_that_would_break_the_header_is_refused(version: str, contact: str) -> None:
    with pytest.raises(ValueError, match="contact"):
        user_agent(version, contact)


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
