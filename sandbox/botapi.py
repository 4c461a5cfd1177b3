"""The Bot API over HTTP on loopback: requests in, the envelope out, and misfortunes on demand."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from sandbox.access import find_chat
from sandbox.images import MIME_TYPES, read_image
from sandbox.methods import Described, Methods
from sandbox.model import Call, Fault, Json
from sandbox.page import render_page
from sandbox.params import BY_LOWER, Arguments
from sandbox.posts import WRITING
from sandbox.rules import ApiError, code_of, describe
from sandbox.telegram import Telegram
from sandbox.updates import Bot

_DESCRIPTION: Final = web.ResponseKey("description", str)
_GATEWAY_PAGE: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_FILES: Final = frozenset({"photo", "certificate"})
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Served:
    """Where a running stand-in listens."""

    url: str
    port: int


class BotApi:
    """One HTTP face of one Telegram; `latency` is real seconds, half before a call is done and half after."""

    def __init__(self, telegram: Telegram, latency: float = 0.0) -> None:
        self.telegram, self.latency = telegram, latency
        self.methods = Methods(telegram)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=50 * 1024 * 1024)
        application.router.add_get("/", self.page)
        application.router.add_get("/photo/{digest}", self.photo)
        application.router.add_get("/file/bot{token}/photos/{name}", self.file)
        application.router.add_route("*", "/bot{token}/{method}", self.handle)
        application.router.add_route("*", "/{path:.*}", self.nowhere)
        return application

    async def page(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-store"}
        chat = request.query.get("chat", "")
        return web.Response(text=render_page(self.telegram, chat), content_type="text/html", headers=headers)

    async def photo(self, request: web.Request) -> web.Response:
        """A picture for the page."""
        return self._picture(request.match_info["digest"])

    async def file(self, request: web.Request) -> web.Response:
        """A picture for a bot that asked getFile for its path."""
        try:
            self._bot(request.match_info["token"])
        except ApiError as error:
            return _refusal(error.code, error.text)
        return self._picture(request.match_info["name"].partition(".")[0])

    def _picture(self, digest: str) -> web.Response:
        kept = self.telegram.files.data(digest)
        image = read_image(kept[1]) if kept else None
        if kept is None or image is None:
            return _refusal(404, "Not Found")
        headers = {"Content-Type": MIME_TYPES[image.kind], "X-Content-Type-Options": "nosniff"}
        headers["Cache-Control"] = "max-age=3600, immutable"
        return web.Response(body=kept[1], headers=headers)

    async def nowhere(self, _: web.Request) -> web.Response:
        return _refusal(404, "Not Found")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        named = request.match_info["method"]
        method = BY_LOWER.get(named.lower(), named)
        call = Call(time.monotonic(), method, {})
        self.telegram.calls.append(call)
        writing = method in WRITING
        self.telegram.open_requests += writing
        try:
            response = await self._answer(request, call)
        except ApiError as error:
            response = _refusal(error.code, error.text, error.parameters)
        finally:
            self.telegram.open_requests -= writing
        if response is None:
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        call.status = response.status
        call.description = response.get(_DESCRIPTION, "")
        return response

    async def _answer(self, request: web.Request, call: Call) -> web.Response | None:
        try:
            call.params, uploads = await _parameters(request)
        except web.HTTPRequestEntityTooLarge:
            raise ApiError(413, "Request Entity Too Large") from None
        except (UnicodeDecodeError, LookupError):
            raise ApiError(400, "strings must be encoded in UTF-8") from None
        bot = self._bot(request.match_info["token"])
        if call.method not in BY_LOWER.values():
            self.telegram.violations.append(f"unknown method {call.method!r}")
            raise ApiError(404, "Not Found: method not found")
        arguments = Arguments(call.method, call.params, self.telegram.violations.append, uploads)
        fault = self.telegram.faults.take(call.method, self._chat_id(arguments))
        if fault is not None:
            if fault.kind == "drop_before":
                return None
            if fault.kind == "hang":
                await asyncio.sleep(fault.retry_after / self.telegram.speed)
            elif fault.kind != "drop_after":
                return _misfortune(fault)
        await asyncio.sleep(self.latency / 2)
        result = await self.methods.call(bot, arguments)
        dropped = fault is not None and fault.kind == "drop_after"
        return await self._deliver(call, result, dropped=dropped)

    async def _deliver(self, call: Call, result: Any, *, dropped: bool) -> web.Response | None:
        accepted = call.method in WRITING
        self.telegram.accepted_unanswered += accepted
        try:
            await asyncio.sleep(self.latency / 2)
        finally:
            self.telegram.accepted_unanswered -= accepted
        if dropped:
            return None
        body: Json = {"ok": True}
        if isinstance(result, Described):
            body["description"] = result.description
            result = result.result
        body["result"] = result
        return _json(200, body)

    def _bot(self, token: str) -> Bot:
        if token.startswith("0") or len(token) > 80 or ":" not in token or "/" in token:
            raise ApiError(401, "Unauthorized: invalid token specified")
        number = token.partition(":")[0]
        if not number.isdigit() or int(number) >= 1 << 54:
            raise ApiError(421, "Misdirected Request: unallowed token specified")
        bot = self.telegram.bots.get(token)
        if bot is None or bot.revoked:
            raise ApiError(401, "Unauthorized")
        return bot

    def _chat_id(self, arguments: Arguments) -> int | None:
        try:
            return find_chat(self.telegram, arguments.text("chat_id")).id
        except ApiError:
            number = arguments.text("chat_id")
            return int(number) if number.removeprefix("-").isdigit() else None


@asynccontextmanager
async def serve(
    telegram: Telegram, *, host: str = "127.0.0.1", port: int = 0, latency: float = 0.0
) -> AsyncIterator[Served]:
    """Serve this Telegram until the block ends; port 0 takes a free one."""
    runner = web.AppRunner(BotApi(telegram, latency).application(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = int(runner.addresses[0][1])
        for bot in telegram.bots.values():
            bot.closing = False
        yield Served(f"http://{host}:{bound}", bound)
    finally:
        for bot in telegram.bots.values():
            bot.close()
        await runner.cleanup()


async def _parameters(request: web.Request) -> tuple[Json, dict[str, bytes]]:
    """Arguments from the query, then from the body, whatever form that has; and the files that came with them."""
    params: Json = dict(request.query)
    uploads: dict[str, bytes] = {}
    if request.content_type == "application/json":
        body = await request.read()
        try:
            given = json.loads(body or b"{}")
        except UnicodeDecodeError:
            raise
        except ValueError:
            raise ApiError(400, "can't parse JSON object") from None
        if not isinstance(given, dict):
            raise ApiError(400, "object expected")
        return params | {name: value for name, value in given.items() if value is not None}, uploads
    form = await request.post()
    for name, value in form.items():
        if isinstance(value, str):
            params[name] = value
            continue
        uploads[name] = value.file.read() if isinstance(value, web.FileField) else bytes(value)
        if name in _FILES:
            params[name] = f"attach://{name}"
    return params, uploads


def _misfortune(fault: Fault) -> web.Response:
    match fault.kind:
        case "html":
            return web.Response(status=502, text=_GATEWAY_PAGE, content_type="text/html")
        case "restart":
            return _refusal(500, "Internal Server Error: restart")
        case "too_many":
            wait = fault.retry_after
            return _refusal(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})
        case _:
            return _refusal(code_of(fault.text), fault.text)


def _refusal(code: int, text: str, parameters: dict[str, int] | None = None) -> web.Response:
    status, description = describe(code, text)
    body: Json = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    response = _json(status, body)
    if parameters and "retry_after" in parameters:
        response.headers["Retry-After"] = str(parameters["retry_after"])
    return response


def _json(status: int, body: Json) -> web.Response:
    response = web.json_response(body, status=status)
    response[_DESCRIPTION] = body.get("description", "")
    return response
