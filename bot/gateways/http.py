"""Fetches pages from strangers politely and safely: public addresses only, bounded in size, time and redirects."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from bot.gateways.http_guard import Gate, anyone, is_public, was_refused
from newsroom.articles import Validators, shown

REDIRECTS: Final = 5
CHUNK: Final = 64 * 1024
SLICE: Final = 256 * 1024  # of an unpacked body; half a millisecond of work
IDLE: Final = 10.0  # seconds without a byte
MOVED: Final = frozenset({301, 302, 303, 307, 308})
MOVED_FOR_GOOD: Final = frozenset({301, 308})
LONGEST_WAIT: Final = 86_400.0  # seconds; nobody is believed who asks to be left alone for longer than a day
MEMBERS: Final = 1000  # of one gzip body; compressors that work side by side write one for each 64 KiB


class FetchFailed(Exception):
    """The page did not arrive; `reason` says why in one sentence, without secrets.

    `retry_after` is for how many seconds, of a day at most, the server asked to be left alone.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class BadAddress(FetchFailed):
    """The address itself cannot be fetched: not http, no host, or not an address at all."""


class PrivateAddress(FetchFailed):
    """The name leads into a network that is not the public one."""


class TooLarge(FetchFailed):
    """The page is longer than we are willing to hold."""


class TimedOut(FetchFailed):
    """The server was too slow, as a whole or between two pieces."""


class Refused(FetchFailed):
    """The server answered with something other than the page."""

    def __init__(self, reason: str, status: int, *, retry_after: float | None = None) -> None:
        super().__init__(reason, retry_after=retry_after)
        self.status = status


@dataclass(frozen=True, slots=True)
class Response:
    """A page that arrived whole, unpacked; `url` is where it was found after redirects.

    `moved_to` is the address to ask from now on, when the server said so for good. Remember it only if the page is
    what was looked for: a provider's notice that a site is blocked may be a permanent redirect too.
    """

    url: str
    body: bytes
    content_type: str
    validators: Validators
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server says that what we have is what it has; `moved_to` as in a Response."""

    validators: Validators
    moved_to: str | None = None


def user_agent(version: str, contact_url: str) -> str:
    """How a bot introduces itself, so that whoever runs the site can ask it to behave: a ValueError if it cannot."""
    if not all(text.isascii() and text.isprintable() and not set(text) & set(" ()") for text in (version, contact_url)):
        raise ValueError("a version and a contact are printable ASCII without spaces and brackets")
    if not version or not contact_url.startswith(("http://", "https://")) or not URL(contact_url).host:
        raise ValueError("a contact is an http or https address")
    return f"Elchi/{version} (+{contact_url}; news bot)"


class _Turns:
    """One request at a time to each host, in the order of asking; who waits for a turn is not on the clock yet."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def at(self, address: URL) -> asyncio.Lock:
        return self._turns.setdefault(address.host or "", asyncio.Lock())


class _Trail:
    """The way from the address asked for to where its page is now, and whether all of it is for good."""

    def __init__(self, asked: URL) -> None:
        self._asked = asked
        self._for_good = True
        self.here = asked

    def turn(self, status: int, location: str) -> None:
        """Follow one redirect. Not for good: one for now, one out of TLS, one with a password of its own."""
        if not location:
            raise Refused(f"{shown(str(self.here))} redirects to nowhere.", status)
        before, self.here = self.here, _next(self.here, location)
        downgraded = before.scheme == "https" and self.here.scheme != "https"
        stranger = (self.here.user, self.here.password) not in {(None, None), (before.user, before.password)}
        self._for_good &= status in MOVED_FOR_GOOD and not downgraded and not stranger

    @property
    def moved_to(self) -> str | None:
        here = self.here.with_fragment(None)
        return str(here) if self._for_good and here != self._asked.with_fragment(None) else None


class Fetcher:
    """Holds the connections; use it as `async with Fetcher(user_agent=…) as fetcher`."""

    def __init__(
        self,
        *,
        user_agent: str,
        allow_private: bool = False,
        admits: Callable[[str], bool] = is_public,
        total: float = 20.0,
        idle: float = IDLE,
        body_cap: int = 10 * 2**20,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._user_agent = user_agent
        self._gate = Gate(anyone if allow_private else admits)
        self._total = total
        self._idle = idle
        self._body_cap = body_cap
        self._resolver = resolver
        self._turns = _Turns()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                socket_factory=self._gate,
                limit_per_host=1,
                resolver=self._resolver,
                use_dns_cache=False,  # connections are kept, and the system knows how long an answer holds
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._idle, sock_read=self._idle),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # unpacked here, where the size can be watched
            trust_env=False,  # a proxy would connect for us, past the gate
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, url: str, *, validators: Validators | None = None) -> Response | NotModified:
        """The page at `url`, or the news that it has not changed; every other end is a FetchFailed."""
        trail = _Trail(_address(url))
        try:
            return await self._follow(trail, validators or Validators())
        except TimeoutError:
            raise TimedOut(f"{shown(str(trail.here))} did not answer in time.") from None
        except aiohttp.ClientConnectorDNSError:
            raise FetchFailed(f"No server is known by the name {trail.here.host}.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(error, trail.here) from None

    async def _follow(self, trail: _Trail, validators: Validators) -> Response | NotModified:
        session, clock = self._session, asyncio.get_running_loop()
        assert session is not None, "use the fetcher inside «async with»"
        left = self._total
        for _ in range(REDIRECTS + 1):
            async with self._turns.at(trail.here):
                started = clock.time()
                async with (
                    asyncio.timeout(left),
                    session.get(trail.here, headers=_conditional(validators), allow_redirects=False) as answer,
                ):
                    if answer.status not in MOVED:
                        return await self._take(answer, trail, validators)
                    trail.turn(answer.status, answer.headers.get("Location", ""))
                left -= clock.time() - started
        raise FetchFailed(f"More than {REDIRECTS} redirects in a row, the last one to {shown(str(trail.here))}.")

    async def _take(
        self, answer: aiohttp.ClientResponse, trail: _Trail, validators: Validators
    ) -> Response | NotModified:
        if answer.status == 304 and (validators.etag or validators.last_modified):
            return NotModified(validators, trail.moved_to)
        address = trail.here
        if answer.status != 200:
            reason = f"{shown(str(address))} answered with status {answer.status}."
            raise Refused(reason, answer.status, retry_after=_wait(answer.headers))
        return Response(
            url=str(address.with_user(None)),
            body=await self._body(answer, address),
            content_type=answer.headers.get("Content-Type", ""),
            validators=Validators(_mark(answer.headers.get("ETag")), _mark(answer.headers.get("Last-Modified"))),
            moved_to=trail.moved_to,
        )

    async def _body(self, answer: aiohttp.ClientResponse, address: URL) -> bytes:
        body = bytearray()
        received = 0
        packing = ",".join(answer.headers.getall("Content-Encoding", ())).strip().lower()
        unpack = _unpacker(packing, address)
        async for chunk in _chunks(answer):
            received += len(chunk)
            for piece in unpack(chunk):
                body += piece
                if max(received, len(body)) > self._body_cap:
                    raise TooLarge(f"{shown(str(address))} is longer than {self._body_cap / 2**20:g} MiB.")
                if len(piece) == SLICE:
                    await asyncio.sleep(0)  # a chunk may unpack to a thousand times its length, and others have a turn
        if not unpack.whole:
            raise FetchFailed(f"{shown(str(address))} broke off before its end.")
        return bytes(body)


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for chunk in answer.content.iter_chunked(CHUNK):
        yield chunk


class _Plain:
    """Passes on a page that was sent as it is; the caller counts."""

    whole: Final = True  # aiohttp compares what came with what was promised

    def __call__(self, chunk: bytes) -> Iterable[bytes]:
        return (chunk,)


class _Packed:
    """Unpacks gzip and both readings of deflate, a bounded piece at a time."""

    def __init__(self, address: URL) -> None:
        self._address = address
        self._engine: Any = None
        self._members = 0

    @property
    def whole(self) -> bool:
        """Whether the packing came to its own end; no bytes at all are an empty page."""
        return self._engine is None or self._engine.eof

    def __call__(self, chunk: bytes) -> Iterable[bytes]:
        piece = b""
        while chunk or len(piece) == SLICE:  # after a full piece there may be more without more input
            if self._engine is None or self._engine.eof:
                if self._engine is not None and chunk[:1] != b"\x1f":
                    break  # gzip may go on with another member; anything else behind the end is padding
                self._engine = self._start(chunk)
            try:
                piece = self._engine.decompress(chunk, SLICE)
            except zlib.error:
                raise self._broken() from None
            yield piece
            chunk = self._engine.unconsumed_tail or self._engine.unused_data

    def _start(self, chunk: bytes) -> Any:
        self._members += 1
        if self._members > MEMBERS:
            raise self._broken()
        # gzip begins with 1f 8b and zlib with a multiple of 31; the rest is the bare deflate some servers send
        wrapped = chunk[:1] == b"\x1f" or chunk[:1] == b"\x78"
        return zlib.decompressobj(47 if wrapped else -15)

    def _broken(self) -> FetchFailed:
        return FetchFailed(f"{shown(str(self._address))} sent a packed page that cannot be unpacked.")


def _unpacker(packing: str, address: URL) -> _Plain | _Packed:
    if packing in {"", "identity"}:
        return _Plain()
    if packing in {"gzip", "x-gzip", "deflate"}:
        return _Packed(address)
    raise FetchFailed(f"{shown(str(address))} is packed in a way that was not asked for.")


def _address(url: str) -> URL:
    try:
        address = URL(url.strip())
    except ValueError:
        raise BadAddress("This is not an address.") from None
    if address.scheme not in {"http", "https"}:
        raise BadAddress("Only http and https addresses can be fetched.")
    if not address.host:
        raise BadAddress("This address names no server.")
    return address


def _next(address: URL, target: str) -> URL:
    try:
        joined = address.join(URL(target))
    except ValueError:
        raise BadAddress(f"{shown(str(address))} redirects to something that is not an address.") from None
    return _address(str(joined))


def _wait(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds: a number as it is, a date counted from the server's own clock; None for nonsense."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return LONGEST_WAIT if len(asked.lstrip("0")) > 5 else min(float(asked), LONGEST_WAIT)
    until = _moment(asked)
    if until is None:
        return None
    return min(max(until - (_moment(headers.get("Date", "")) or time.time()), 0.0), LONGEST_WAIT)


def _moment(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value[:64])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _mark(value: str | None) -> str | None:
    """A validator that a database can keep and a header can carry back, or none."""
    return value if value and value.isascii() and value.isprintable() else None


def _conditional(validators: Validators) -> Mapping[str, str]:
    asked = {"If-None-Match": _mark(validators.etag), "If-Modified-Since": _mark(validators.last_modified)}
    return {name: value for name, value in asked.items() if value}


def _translated(error: aiohttp.ClientError | OSError | ValueError, address: URL) -> FetchFailed:
    """Our words for aiohttp's, whose own texts may quote a whole address."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and was_refused(cause):
        return PrivateAddress(f"The address of {shown(str(address))} is not public, so it is not fetched.")
    if isinstance(error, aiohttp.InvalidURL) or not isinstance(error, aiohttp.ClientError | OSError):
        return BadAddress(f"{shown(str(address))} is not an address that can be fetched.")  # 127.1 is none for aiohttp
    if isinstance(error, aiohttp.ClientSSLError):
        return FetchFailed(f"No secure connection to {address.host} could be made.")
    if isinstance(cause, OSError) and cause.strerror:
        return FetchFailed(f"No connection to {address.host}: {cause.strerror.lower()}.")
    if isinstance(error, aiohttp.ClientPayloadError):
        return FetchFailed(f"{shown(str(address))} broke off before its end.")
    return FetchFailed(f"{address.host} did not answer as a web server does.")
