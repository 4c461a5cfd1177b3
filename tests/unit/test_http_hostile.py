"""Servers that lie, stall, flood and lead astray: each costs one clear sentence, and the next page is read as ever."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import cycle

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.gateways.http import (
    SLICE,
    BadAddress,
    Fetcher,
    FetchFailed,
    PrivateAddress,
    Refused,
    Response,
    TimedOut,
    TooLarge,
)
from bot.gateways.http_guard import is_public

MIB = 2**20
CAP = 64 * 1024
WRAPPERS = {"gzip": 31, "zlib": 15, "bare": -15}  # what zlib calls wbits
SECRET = b"what only this machine may see"
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A truthful answer over a connection that stays open."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


def cut_off(*lines: str, body: bytes = b"") -> bytes:
    """An answer after which the server hangs up."""
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "Connection: close"]).encode() + b"\r\n\r\n" + body


def moved(to: str, status: int = 302) -> bytes:
    return answer(b"", f"Location: {to}", status=f"{status} Moved")


class Host:
    """A server that says exactly the bytes it is told, whatever HTTP thinks of them, and knows what it was asked."""

    def __init__(self, address: str, port: int) -> None:
        self.site = f"http://{address}:{port}"
        self.address = address
        self.port = port
        self.answers: dict[str, bytes | Script] = {"/well": answer(b"well")}
        self.heads: list[bytes] = []
        self.sent = 0
        self.left = asyncio.Event()
        """set when somebody hung up before the end"""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                path = head.split(b" ")[1].split(b"?")[0].decode()
                said = self.answers[path]
                if isinstance(said, bytes):
                    writer.write(said)
                    await writer.drain()
                    if b"Connection: close" in said:
                        break
                else:
                    await said(writer)
        except ConnectionError:
            self.left.set()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def pour(self, writer: asyncio.StreamWriter, piece: bytes, pause: float = 0.0) -> None:
        """The same piece without end."""
        while True:
            writer.write(piece)
            await writer.drain()
            self.sent += len(piece)
            await asyncio.sleep(pause)


@asynccontextmanager
async def hosting(address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Host]:
    with socket.create_server((address, port)) as listening:
        host = Host(address, listening.getsockname()[1])
        async with await asyncio.start_server(host.serve, sock=listening):
            yield host


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with hosting() as one:
        yield one


@pytest.fixture
async def fetcher(host: Host) -> AsyncIterator[Fetcher]:
    async with Fetcher(user_agent="test", allow_private=True, total=1.0, idle=0.3, body_cap=CAP) as one:
        yield one


async def is_well(fetcher: Fetcher, host: Host) -> None:
    """The next page is read as if nothing had been."""
    page = await fetcher.get(f"{host.site}/well")
    assert isinstance(page, Response)
    assert page.body == b"well"


async def got(fetcher: Fetcher, host: Host, said: bytes | Script) -> bytes:
    """What the fetcher makes of an answer it accepts."""
    host.answers["/"] = said
    page = await fetcher.get(f"{host.site}/")
    assert isinstance(page, Response)
    await is_well(fetcher, host)
    return page.body


async def failed(fetcher: Fetcher, host: Host, said: bytes | Script) -> FetchFailed:
    """How the fetcher fails over an answer: in one sentence that holds no secret, and once."""
    host.answers["/"] = said
    with pytest.raises(FetchFailed) as caught:
        await fetcher.get(host.site.replace("//", "//user:hunter2@") + "/?key=swordfish")
    reason = caught.value.reason
    assert reason.isprintable()
    assert reason.endswith(".")
    assert ". " not in reason
    assert len(reason) < 200
    assert not [secret for secret in ("user", "hunter2", "swordfish") if secret in reason]
    await is_well(fetcher, host)
    return caught.value


@contextmanager
def within(megabytes: int) -> Iterator[None]:
    """What is done here never holds more memory than this."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MIB
    finally:
        tracemalloc.stop()


class TestFloods:
    """More than anybody wants to hold."""

    @pytest.mark.parametrize("announced", ["Content-Length: 1073741824", "Transfer-Encoding: chunked", "X: y"])
    async def test_a_gigabyte_is_left_at_the_cap_and_the_server_notices(self, host: Host, announced: str) -> None:
        piece = bytes(MIB // 4)
        if "chunked" in announced:
            piece = b"40000\r\n" + piece + b"\r\n"

        async def stream(writer: asyncio.StreamWriter) -> None:
            writer.write(f"HTTP/1.1 200 OK\r\n{announced}\r\n\r\n".encode())
            await host.pour(writer, piece)

        with within(40):
            async with Fetcher(user_agent="test", allow_private=True) as fetcher:  # with the cap of every day
                assert isinstance(await failed(fetcher, host, stream), TooLarge)
                await asyncio.wait_for(host.left.wait(), 1)
        assert host.sent < 30 * MIB  # the cap, and what the system holds between two sockets

    @pytest.mark.parametrize("packing", ["gzip", "deflate"])
    async def test_a_gigabyte_in_a_megabyte_is_not_unpacked(self, host: Host, packing: str) -> None:
        engine = zlib.compressobj(wbits=31 if packing == "gzip" else 15)
        bomb = engine.compress(bytes(MIB)) + engine.flush(zlib.Z_FULL_FLUSH)
        again = engine.compress(bytes(MIB)) + engine.flush(zlib.Z_FULL_FLUSH)  # a flush forgets: it can be said again
        bomb += 1023 * again
        assert len(bomb) < 2 * MIB
        with within(40):
            async with Fetcher(user_agent="test", allow_private=True) as fetcher:
                said = answer(bomb, f"Content-Encoding: {packing}")
                assert isinstance(await failed(fetcher, host, said), TooLarge)

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param("X-Long: " + "a" * 100_000, id="one of 100 KB"),
            pytest.param("\r\n".join(f"X-{number}: {number}" for number in range(10_000)), id="ten thousand"),
            pytest.param("Location: /" + "a" * 100_000, id="a location of 100 KB"),
        ],
    )
    async def test_headers_have_an_end(self, host: Host, fetcher: Fetcher, headers: str) -> None:
        assert "web server" in (await failed(fetcher, host, answer(b"well", headers))).reason

    @pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: "])
    async def test_a_line_without_an_end_is_not_collected(self, host: Host, fetcher: Fetcher, start: bytes) -> None:
        async def stream(writer: asyncio.StreamWriter) -> None:
            writer.write(start)
            await host.pour(writer, b"a" * 65536)

        with within(40):
            await failed(fetcher, host, stream)

    async def test_a_promise_without_end_is_not_waited_for(self, host: Host, fetcher: Fetcher) -> None:
        async def stream(writer: asyncio.StreamWriter) -> None:
            await host.pour(writer, b"HTTP/1.1 100 Continue\r\n\r\n" * 100, pause=0.001)

        with within(40):
            assert isinstance(await failed(fetcher, host, stream), TimedOut)


class TestDawdlers:
    """Slower than anybody has time for."""

    @pytest.mark.parametrize(
        ("start", "piece"),
        [
            (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"a"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        ],
    )
    async def test_a_byte_now_and_then_does_not_stop_the_clock(self, host: Host, start: bytes, piece: bytes) -> None:
        async def drip(writer: asyncio.StreamWriter) -> None:
            writer.write(start)
            await host.pour(writer, piece, pause=0.05)

        async with Fetcher(user_agent="test", allow_private=True, total=0.4, idle=0.2) as fetcher:
            before = time.monotonic()
            assert isinstance(await failed(fetcher, host, drip), TimedOut)
        assert time.monotonic() - before < 0.8

    async def test_silence_in_the_middle_is_too_long_at_last(self, host: Host, fetcher: Fetcher) -> None:
        said = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        assert isinstance(await failed(fetcher, host, said), TimedOut)

    async def test_all_the_steps_of_a_way_share_one_clock(self, host: Host) -> None:
        async def step(writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.15)
            writer.write(moved("/"))

        async with Fetcher(user_agent="test", allow_private=True, total=0.4) as fetcher:
            before = time.monotonic()
            assert isinstance(await failed(fetcher, host, step), TimedOut)
        assert time.monotonic() - before < 0.8


class TestWaysAstray:
    """Addresses that lead where nobody should go."""

    @pytest.fixture
    async def secret(self) -> AsyncIterator[Host]:
        async with hosting() as one:
            one.answers = dict.fromkeys(["/", "/well"], answer(SECRET))
            yield one

    @pytest.fixture
    async def open_host(self, secret: Host) -> AsyncIterator[Host]:
        """A server at the one address of this machine that counts as public here."""
        async with hosting("127.0.0.2", secret.port) as one:
            yield one

    @pytest.fixture
    async def guarded(self, open_host: Host) -> AsyncIterator[Fetcher]:
        def admits(address: str) -> bool:
            return address == open_host.address or is_public(address)

        async with Fetcher(user_agent="test", admits=admits, total=2.0) as one:
            yield one

    @pytest.mark.parametrize("status", [301, 302, 307])
    @pytest.mark.parametrize(
        "to",
        [
            "http://127.0.0.1:PORT/",
            "//127.0.0.1:PORT/",
            "http://localhost:PORT/",
            "http://[::ffff:7f00:1]:PORT/",
            "http://[::ffff:127.0.0.1]:PORT/",
            "http://[64:ff9b::7f00:1]:PORT/",
            "http://[::1]:PORT/",
            "http://[::]:PORT/",
            "http://0.0.0.0:PORT/",
            "http://0:PORT/",
            "http://127.1:PORT/",
            "http://2130706433:PORT/",
            "http://0x7f.1:PORT/",
            "http://0x7f000001:PORT/",
            "http://0177.0.0.1:PORT/",
            "http://017700000001:PORT/",
            "http://127.0.0.1.:PORT/",
            "http://１２７.０.０.１:PORT/",
            "http://127。0。0。1:PORT/",
            "http://127.0.0.2@127.0.0.1:PORT/",
            "http://127.0.0.2\\@127.0.0.1:PORT/",
            "http://127.0.0.1%23@127.0.0.2.example:PORT/",
        ],
    )
    async def test_no_spelling_of_a_private_address_is_followed(
        self, open_host: Host, secret: Host, guarded: Fetcher, to: str, status: int
    ) -> None:
        await failed(guarded, open_host, moved(to.replace("PORT", str(secret.port)), status))
        assert secret.heads == []

    @pytest.mark.parametrize("to", ["http://127.0.0.1:PORT/", "http://[::ffff:7f00:1]:PORT/", "http://0x7f.1:PORT/"])
    async def test_the_reason_is_named(self, open_host: Host, secret: Host, guarded: Fetcher, to: str) -> None:
        failure = await failed(guarded, open_host, moved(to.replace("PORT", str(secret.port))))
        assert isinstance(failure, PrivateAddress)
        assert "not public" in failure.reason

    @pytest.mark.parametrize(
        "to",
        [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/plain,hello",
            "ftp://127.0.0.1/",
            "gopher://127.0.0.1:70/",
            "unix:/run/x.sock",
            "https:",
            "http://[::1",
            "http://127.0.0.1:99999/",
        ],
    )
    async def test_only_the_web_is_followed(self, open_host: Host, guarded: Fetcher, to: str) -> None:
        assert isinstance(await failed(guarded, open_host, moved(to)), BadAddress)

    async def test_a_circle_is_left_after_a_few_rounds(self, host: Host, fetcher: Fetcher) -> None:
        assert "redirects in a row" in (await failed(fetcher, host, moved("/"))).reason
        assert len(host.heads) == 6 + 1  # and one that all is well
        host.answers["/other"] = moved("/", 308)
        assert "redirects in a row" in (await failed(fetcher, host, moved("/other", 301))).reason

    @pytest.mark.parametrize("status", [300, 304, 305, 306, 301])
    async def test_a_way_without_a_goal_ends(self, host: Host, fetcher: Fetcher, status: int) -> None:
        failure = await failed(fetcher, host, answer(b"", status=f"{status} Moved"))
        assert isinstance(failure, Refused)
        assert failure.status == status

    @pytest.mark.parametrize(
        "location",
        [
            "/well%0d%0aX-Evil:%20yes",
            "/well?%0d%0aX-Evil:%20yes",
            "/well\r\n X-Evil: yes",
            "/well\r\n\tX-Evil: yes",
            "/well\rX-Evil: yes",
            "/well\nX-Evil: yes",
            "/well\x00X-Evil: yes",
            "http://127.0.0.1%0d%0aX-Evil: yes/",
        ],
    )
    async def test_a_location_cannot_put_words_into_our_mouth(
        self, host: Host, fetcher: Fetcher, location: str
    ) -> None:
        host.answers["/"] = moved(location)
        host.answers["/well%0D%0AX-Evil:%20yes"] = answer(b"well")
        with suppress(FetchFailed):
            page = await fetcher.get(f"{host.site}/")
            assert isinstance(page, Response)
            assert page.body == b"well"
        await is_well(fetcher, host)
        lines = [line.lower() for head in host.heads for line in head.splitlines()]
        assert not [line for line in lines if line.strip().startswith(b"x-evil")]

    async def test_a_name_that_changes_its_mind_is_caught(self, open_host: Host, secret: Host) -> None:
        open_host.answers["/"] = cut_off("Content-Length: 4", body=b"well")
        names = Names("127.0.0.2", "127.0.0.1")
        async with Fetcher(user_agent="test", admits=lambda one: one == "127.0.0.2", resolver=names) as guarded:
            address = f"http://two-faced.example:{secret.port}/"
            first = await guarded.get(address)
            assert isinstance(first, Response)
            assert first.body == b"well"
            with pytest.raises(PrivateAddress, match=r"two-faced\.example"):
                await guarded.get(address)
            assert names.asked == 2
        assert secret.heads == []

    async def test_a_name_that_changes_its_mind_between_two_steps_is_caught(
        self, open_host: Host, secret: Host
    ) -> None:
        open_host.answers["/"] = moved("/well").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        names = Names("127.0.0.2", "127.0.0.1")
        async with Fetcher(user_agent="test", admits=lambda one: one == "127.0.0.2", resolver=names) as guarded:
            with pytest.raises(PrivateAddress):
                await guarded.get(f"http://two-faced.example:{secret.port}/")
        assert secret.heads == []


class Names(AbstractResolver):
    """A name server that gives every name the next of its addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = cycle(addresses)
        self.asked = 0

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's signature
    ) -> list[ResolveResult]:
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=next(self._addresses),
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """There is nothing to let go of."""


class TestPackings:
    """Bodies that are not packed the way they say."""

    @pytest.mark.parametrize(
        "headers",
        [
            ["Content-Encoding: " + ", ".join(["gzip"] * 10)],
            ["Content-Encoding: gzip"] * 10,
            ["Content-Encoding: gzip", "Content-Encoding: deflate"],
        ],
    )
    async def test_a_packing_within_a_packing_is_refused(
        self, host: Host, fetcher: Fetcher, headers: list[str]
    ) -> None:
        body = b"well"
        for _ in range(10):
            body = gzip.compress(body)
        assert "not asked for" in (await failed(fetcher, host, answer(body, *headers))).reason

    async def test_one_layer_is_taken_off_and_no_more(self, host: Host, fetcher: Fetcher) -> None:
        inner = gzip.compress(b"well")
        assert await got(fetcher, host, answer(gzip.compress(inner), "Content-Encoding: gzip")) == inner
        assert await got(fetcher, host, answer(inner)) == inner

    @pytest.mark.parametrize("packing", ["gzip", "zlib", "bare"])
    async def test_a_packed_page_cut_anywhere_is_not_taken_for_whole(
        self, host: Host, fetcher: Fetcher, packing: str
    ) -> None:
        engine = zlib.compressobj(wbits=WRAPPERS[packing])
        header = f"Content-Encoding: {'gzip' if packing == 'gzip' else 'deflate'}"
        whole = engine.compress(b"a page " * 50) + engine.flush()
        for end in range(1, len(whole)):
            failure = await failed(fetcher, host, answer(whole[:end], header))
            assert "broke off before its end" in failure.reason
        assert await got(fetcher, host, answer(whole, header)) == b"a page " * 50

    # of a page a little longer than a slice zlib may hold back the end when it has taken in all of the bytes
    @pytest.mark.parametrize("length", [SLICE - 1, SLICE, SLICE + 1, SLICE + 25, SLICE + 100, 3 * SLICE])
    @pytest.mark.parametrize("packing", ["gzip", "zlib", "bare"])
    async def test_a_page_is_whole_whatever_its_length(self, host: Host, packing: str, length: int) -> None:
        engine = zlib.compressobj(wbits=WRAPPERS[packing])
        header = f"Content-Encoding: {'gzip' if packing == 'gzip' else 'deflate'}"
        said = answer(engine.compress(bytes(length)) + engine.flush(), header)
        async with Fetcher(user_agent="test", allow_private=True, body_cap=length) as fetcher:
            assert await got(fetcher, host, said) == bytes(length)
        async with Fetcher(user_agent="test", allow_private=True, body_cap=length - 1) as fetcher:
            assert isinstance(await failed(fetcher, host, said), TooLarge)

    async def test_a_packed_page_damaged_in_the_middle_is_a_failure(self, host: Host, fetcher: Fetcher) -> None:
        whole = bytearray(gzip.compress(bytes(range(256)) * 8))
        whole[len(whole) // 2] ^= 0x55
        said = answer(bytes(whole), "Content-Encoding: gzip")
        assert "cannot be unpacked" in (await failed(fetcher, host, said)).reason

    async def test_a_page_packed_in_pieces_is_put_together(self, host: Host, fetcher: Fetcher) -> None:
        pieces = gzip.compress(b"one ") + gzip.compress(b"two ") + gzip.compress(b"three")
        assert await got(fetcher, host, answer(pieces, "Content-Encoding: gzip")) == b"one two three"
        padded = answer(pieces + bytes(512), "Content-Encoding: gzip")
        assert await got(fetcher, host, padded) == b"one two three"
        cut = answer(pieces[:-5], "Content-Encoding: gzip")
        assert "broke off" in (await failed(fetcher, host, cut)).reason

    async def test_the_pieces_arrive_byte_by_byte(self, host: Host, fetcher: Fetcher) -> None:
        async def stream(writer: asyncio.StreamWriter) -> None:
            pieces = gzip.compress(b"one ") + gzip.compress(b"two")
            writer.write(answer(pieces, "Content-Encoding: gzip").removesuffix(pieces))
            for byte in pieces:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.001)

        assert await got(fetcher, host, stream) == b"one two"

    async def test_a_page_in_countless_empty_pieces_is_given_up(self, host: Host, fetcher: Fetcher) -> None:
        said = answer(gzip.compress(b"") * 3000, "Content-Encoding: gzip")
        assert "cannot be unpacked" in (await failed(fetcher, host, said)).reason

    async def test_nothing_at_all_is_an_empty_page_however_it_is_packed(self, host: Host, fetcher: Fetcher) -> None:
        assert await got(fetcher, host, answer(b"", "Content-Encoding: gzip")) == b""
        assert await got(fetcher, host, answer(gzip.compress(b""), "Content-Encoding: gzip")) == b""
        assert await got(fetcher, host, answer(b"")) == b""


class TestLiars:
    """Answers that are not what HTTP asks of an answer."""

    async def test_less_than_was_promised_is_not_a_page(self, host: Host, fetcher: Fetcher) -> None:
        said = cut_off("Content-Length: 100", body=b"half")
        assert "broke off before its end" in (await failed(fetcher, host, said)).reason

    async def test_more_than_was_promised_is_not_taken_for_the_next_page(self, host: Host, fetcher: Fetcher) -> None:
        said = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf" + answer(b"poison")
        assert await got(fetcher, host, said) == b"half"

    @pytest.mark.parametrize("rest", [b"\r\n", b"\r\n\r\n", b" and more", b"<html>"])
    async def test_what_comes_after_the_end_does_not_spoil_the_next_page(
        self, host: Host, fetcher: Fetcher, rest: bytes
    ) -> None:
        async def stream(writer: asyncio.StreamWriter) -> None:
            writer.write(answer(b"half"))
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(rest)

        host.answers["/"] = stream
        await fetcher.get(f"{host.site}/")
        await asyncio.sleep(0.1)
        await is_well(fetcher, host)

    @pytest.mark.parametrize(
        "body",
        [b"4\r\nhalf\r\n", b"64\r\nhalf", b"4\r\nhalf", b"4\r\nhalf\r\n0\r\n", b"FFFFFFFFFFFFFFF\r\nhalf"],
    )
    async def test_chunks_without_their_end_are_not_a_page(self, host: Host, fetcher: Fetcher, body: bytes) -> None:
        failure = await failed(fetcher, host, cut_off("Transfer-Encoding: chunked", body=body))
        assert "broke off before its end" in failure.reason

    @pytest.mark.parametrize(
        "said",
        [
            b"Connection: close",
            b"hello\r\n\r\nConnection: close",
            b"\x16\x03\x01\x02\x00\x01Connection: close\r\n\r\n",
            b"HTTP/1.1 OK\r\nConnection: close\r\n\r\n",
            b"HTTP/1.1 20\r\nConnection: close\r\n\r\n",
            b"HTTP/9.9 200 OK\r\nConnection: close\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\nConnection: close\r\n\r\n",
            cut_off("Content-Length: -1", body=b"well"),
            cut_off("Content-Length: four", body=b"well"),
            cut_off("Content-Length: 4", "Content-Length: 5", body=b"well!"),
            cut_off("Transfer-Encoding: chunked", body=b"zz\r\nwell\r\n0\r\n\r\n"),
            cut_off("Content-Length: " + "9" * 100, body=b"well"),
        ],
    )
    async def test_what_is_not_http_is_a_failure(self, host: Host, fetcher: Fetcher, said: bytes) -> None:
        await failed(fetcher, host, said)

    @pytest.mark.parametrize("status", [101, 203, 204, 206, 304, 400, 401, 404, 410, 418, 451, 500, 503, 599, 999])
    async def test_no_other_status_is_a_page(self, host: Host, fetcher: Fetcher, status: int) -> None:
        body = b"" if status in {101, 204, 304} else b"<html>well"
        failure = await failed(fetcher, host, answer(body, "Connection: close", status=f"{status} Whatever"))
        assert isinstance(failure, Refused)
        assert (failure.status, failure.retry_after) == (status, None)

    @pytest.mark.parametrize("status", [404, 429, 503])
    async def test_whoever_asks_to_be_left_alone_is_heard(self, host: Host, fetcher: Fetcher, status: int) -> None:
        failure = await failed(fetcher, host, answer(b"later", "Retry-After: 90", status=f"{status} Later"))
        assert isinstance(failure, Refused)
        assert (failure.status, failure.retry_after) == (status, 90.0)

    async def test_a_web_page_instead_of_a_feed_is_the_readers_to_judge(self, host: Host, fetcher: Fetcher) -> None:
        page = b"<html><title>500 Internal Server Error</title>"
        assert await got(fetcher, host, answer(page, "Content-Type: text/html")) == page

    async def test_an_error_page_is_not_read_to_its_end(self, host: Host, fetcher: Fetcher) -> None:
        async def stream(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 1073741824\r\n\r\n")
            await host.pour(writer, bytes(CAP))

        assert isinstance(await failed(fetcher, host, stream), Refused)
        await asyncio.wait_for(host.left.wait(), 1)
        assert host.sent < 20 * MIB

    async def test_a_connection_dropped_while_it_rested_is_not_missed(self, host: Host, fetcher: Fetcher) -> None:
        async def once(writer: asyncio.StreamWriter) -> None:
            writer.write(answer(b"well"))
            await writer.drain()
            writer.close()

        assert await got(fetcher, host, once) == b"well"
