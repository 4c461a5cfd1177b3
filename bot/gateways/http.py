"""Fetches pages from strangers politely and safely: public addresses only, bounded in size, time and redirects."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from yarl import URL

from newsroom.articles import Validators, shown

REDIRECTS: Final = 5
CHUNK: Final = 64 * 1024
IDLE: Final = 10.0  # seconds without a byte
MOVED: Final = frozenset({301, 302, 303, 307, 308})
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address is in the last 32 bits
LOCAL_NAT64: Final = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215: leads wherever its operator likes
NOT_PUBLIC: Final = "address is not public"


class FetchFailed(Exception):
    """The page did not arrive; `reason` says why in one sentence, without secrets."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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

    def __init__(self, reason: str, status: int, retry_after: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Response:
    """A page that arrived whole, unpacked; `url` is where it was found after redirects."""

    url: str
    body: bytes
    content_type: str
    validators: Validators


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server says that what we have is what it has."""

    validators: Validators


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _wrapped(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local or ip in LOCAL_NAT64:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


def _wrapped(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _anyone(_address: str) -> bool:
    return True


class _Gate:
    """Makes the sockets of the connector, so that what is checked is the very address connected to, not a name."""

    def __init__(self, admits: Callable[[str], bool]) -> None:
        self._admits = admits

    def __call__(self, addr_info: tuple[Any, ...]) -> socket.socket:
        family, kind, proto, _, sockaddr = addr_info
        if not self._admits(str(sockaddr[0])):
            raise OSError(errno.EACCES, NOT_PUBLIC)
        return socket.socket(family=family, type=kind, proto=proto)


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
    ) -> None:
        self._user_agent = user_agent
        self._gate = _Gate(_anyone if allow_private else admits)
        self._total = total
        self._idle = idle
        self._body_cap = body_cap
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(socket_factory=self._gate, limit_per_host=4),
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
        address = _address(url)
        try:
            async with asyncio.timeout(self._total):
                return await self._follow(address, validators or Validators())
        except TimeoutError:
            raise TimedOut(f"{shown(str(address))} did not answer in time.") from None
        except aiohttp.ClientConnectorDNSError:
            raise FetchFailed(f"No server is known by the name {address.host}.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error, address) from None
        except ValueError:
            raise BadAddress(f"{shown(str(address))} is not an address that can be fetched.") from None

    async def _follow(self, address: URL, validators: Validators) -> Response | NotModified:
        session = self._session
        assert session is not None, "use the fetcher inside «async with»"
        for _ in range(REDIRECTS + 1):
            async with session.get(address, headers=_conditional(validators), allow_redirects=False) as answer:
                if answer.status not in MOVED:
                    return await self._take(answer, address, validators)
                target = answer.headers.get("Location", "")
            if not target:
                raise Refused(f"{shown(str(address))} redirects to nowhere.", answer.status)
            address = _next(address, target)
        raise FetchFailed(f"More than {REDIRECTS} redirects in a row, the last one to {shown(str(address))}.")

    async def _take(
        self, answer: aiohttp.ClientResponse, address: URL, validators: Validators
    ) -> Response | NotModified:
        if answer.status == 304 and (validators.etag or validators.last_modified):
            return NotModified(validators)
        if answer.status != 200:
            retry_after = answer.headers.get("Retry-After")
            raise Refused(f"{shown(str(address))} answered with status {answer.status}.", answer.status, retry_after)
        return Response(
            url=str(address.with_user(None)),
            body=await self._body(answer, address),
            content_type=answer.headers.get("Content-Type", ""),
            validators=Validators(_mark(answer.headers.get("ETag")), _mark(answer.headers.get("Last-Modified"))),
        )

    async def _body(self, answer: aiohttp.ClientResponse, address: URL) -> bytes:
        body = bytearray()
        received = 0
        packing = answer.headers.get("Content-Encoding", "").strip().lower()
        unpack = _unpacker(packing, address)
        async for chunk in _chunks(answer):
            received += len(chunk)
            body += unpack(chunk, self._body_cap + 1 - len(body))
            if max(received, len(body)) > self._body_cap:
                raise TooLarge(f"{shown(str(address))} is longer than {self._body_cap / 2**20:g} MiB.")
        return bytes(body)


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for chunk in answer.content.iter_chunked(CHUNK):
        yield chunk


class _Plain:
    """Passes on a page that was sent as it is; the caller counts."""

    def __call__(self, chunk: bytes, room: int) -> bytes:
        return chunk[:room]


class _Packed:
    """Unpacks gzip and both readings of deflate, never more than there is room for."""

    def __init__(self, address: URL) -> None:
        self._address = address
        self._engine: Any = None

    def __call__(self, chunk: bytes, room: int) -> bytes:
        if self._engine is None:
            # gzip begins with 1f 8b and zlib with a multiple of 31; the rest is the bare deflate some servers send
            wrapped = chunk[:1] == b"\x1f" or chunk[:1] == b"\x78"
            self._engine = zlib.decompressobj(47 if wrapped else -15)
        try:
            unpacked: bytes = self._engine.decompress(chunk, max(room, 1))
        except zlib.error:
            raise FetchFailed(f"{shown(str(self._address))} sent a packed page that cannot be unpacked.") from None
        return unpacked


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


def _mark(value: str | None) -> str | None:
    """A validator that a database can keep and a header can carry back, or none."""
    return value if value and value.isascii() and value.isprintable() else None


def _conditional(validators: Validators) -> Mapping[str, str]:
    asked = {"If-None-Match": _mark(validators.etag), "If-Modified-Since": _mark(validators.last_modified)}
    return {name: value for name, value in asked.items() if value}


def _translated(error: aiohttp.ClientError | OSError, address: URL) -> FetchFailed:
    """Our words for aiohttp's, whose own texts may quote a whole address."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and cause.errno == errno.EACCES and NOT_PUBLIC in str(cause):
        return PrivateAddress(f"The address of {shown(str(address))} is not public, so it is not fetched.")
    if isinstance(error, aiohttp.ClientSSLError):
        return FetchFailed(f"No secure connection to {address.host} could be made.")
    if isinstance(cause, OSError) and cause.strerror:
        return FetchFailed(f"No connection to {address.host}: {cause.strerror.lower()}.")
    if isinstance(error, aiohttp.ClientPayloadError):
        return FetchFailed(f"{shown(str(address))} broke off before its end.")
    return FetchFailed(f"{address.host} did not answer as a web server does.")
