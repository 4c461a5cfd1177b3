"""What can go wrong on the way from the site to its reader: redirects, floods, drips, wrappers and refusals."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from aiohttp import web

Place = Literal["feed", "page", "picture"]
Trouble = Literal["", "error_page", "empty", "redirect_loop", "drip", "endless"]

_TAIL: Final = 40
_FILLING: Final = b" " * (1 << 16)


@dataclass(kw_only=True)
class TroubleMood:
    """How the site misbehaves; each switch may be turned while it runs."""

    status: int = 200
    """When not 200, every address answers with an error page and this status."""
    retry_after: int | str | None = None
    """The Retry-After that goes with `status`: seconds or a date."""
    delay: float = 0.0
    """Seconds before any answer begins."""
    trouble: Trouble = ""
    """An error page with status 200, an empty body, a redirect without end, a slow drip, a stream without end."""
    trouble_at: Place | Literal["all"] = "feed"
    """Where `trouble`, `redirect_to` and `gzip_layers` are met."""
    redirect_to: str = ""
    """Another address to go to; it may be one of the site's own, which then answers."""
    redirect_status: int = 302
    drip_seconds: float = 0.05
    """The pause of a slow drip after each byte."""
    endless_bytes: int = 1 << 30
    """How much of a stream without end comes after all."""
    gzip_layers: int = 0
    """How many times the body is packed."""
    gzip_named: int | None = None
    """How many of these layers the header names: None is all of them."""

    def troubles(self, place: Place) -> bool:
        return self.trouble_at in (place, "all")

    def redirect(self, request: web.Request) -> web.Response | None:
        """The way on from here, if there is one."""
        if self.trouble == "redirect_loop":
            turn = request.query.get("turn", "0")
            following = int(turn) + 1 if turn.isdigit() and len(turn) < 9 else 1
            return _moved(f"{request.path}?turn={following}", 302)
        if not self.redirect_to:
            return None
        there = urlsplit(self.redirect_to)
        arrived = there.netloc in {"", request.host} and there.path == request.path
        return None if arrived else _moved(self.redirect_to, self.redirect_status)

    def packed(self, response: web.Response) -> web.Response:
        """The same answer in as many layers as were asked for."""
        body = bytes(response.body) if isinstance(response.body, bytes | bytearray) else b""
        for _ in range(self.gzip_layers):
            body = gzip.compress(body, mtime=0)
        named = self.gzip_layers if self.gzip_named is None else self.gzip_named
        response.body = body
        if named:
            response.headers["Content-Encoding"] = ", ".join(["gzip"] * named)
        return response

    async def stream(self, request: web.Request, whole: web.Response) -> web.StreamResponse:
        """Send an answer byte by byte, or all but its end and then filling; a reader who leaves is let go."""
        response = web.StreamResponse(headers={"Content-Type": whole.headers["Content-Type"]})
        body = bytes(whole.body) if isinstance(whole.body, bytes | bytearray) else b""
        try:
            await response.prepare(request)
            async for piece in self._drops(body) if self.trouble == "drip" else self._flood(body):
                await response.write(piece)
        except ConnectionResetError:
            return response
        return response

    async def _drops(self, body: bytes) -> AsyncIterator[bytes]:
        for at in range(len(body)):
            yield body[at : at + 1]
            await asyncio.sleep(self.drip_seconds)

    async def _flood(self, body: bytes) -> AsyncIterator[bytes]:
        yield body[:-_TAIL]
        for _ in range(0, self.endless_bytes, len(_FILLING)):
            yield _FILLING
            await asyncio.sleep(0)


def _moved(address: str, status: int) -> web.Response:
    return web.Response(status=status, headers={"Location": address}, text="Moved")
