"""Posts on their way out: which call of the Bot API brings one, and with its picture in which form."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.gateways.media import Pictures
from bot.gateways.telegram import TIMEOUT, Api, outcome_of
from newsroom.deliveries import Deferred, Form, Outcome, Picture, PictureRefused, Refused, Sent, Unknown, Way
from newsroom.ids import ChatId
from newsroom.text.post import Post

log = logging.getLogger(__name__)

OFFLINE_PAUSE = 2.0
BUTTON = "button"  # in every refusal of one
PICTURE_WORDS = ("photo", "picture", "image", "file", "url", "http", "media", "caption", "content")
UPLOADING = 120.0  # seconds for a call with ten megabytes on a slow line
UPLOAD = "picture"  # the name of the part that holds an uploaded picture


@dataclass(frozen=True, slots=True)
class TelegramSender:
    """The `Sender` that speaks to Telegram; one call for each message, as its permit allows."""

    api: Api
    pictures: Pictures

    async def send(self, chat: ChatId, post: Post, picture: Picture | None) -> Outcome:
        """Bot API sendPhoto when there is a picture, else sendMessage."""
        if picture is None:
            return await self._call("sendMessage", {"chat_id": chat} | _text(post))
        parameters = {"chat_id": chat, "has_spoiler": post.spoiler} | _caption(post)
        return await self._with_picture("sendPhoto", parameters, "photo", picture)

    async def edit(self, chat: ChatId, message_id: int, post: Post, form: Form, picture: Picture | None) -> Outcome:
        """Bot API editMessageText, editMessageCaption or, with another picture, editMessageMedia."""
        which = {"chat_id": chat, "message_id": message_id}
        if picture is not None:
            media = {"type": "photo", "has_spoiler": post.spoiler} | _caption(post)
            parameters = which | _buttons(post)
            media.pop("reply_markup", None)
            return await self._with_picture("editMessageMedia", parameters, "media", picture, media, message_id)
        if form is Form.PHOTO:
            return await self._call("editMessageCaption", which | _caption(post), message_id=message_id)
        return await self._call("editMessageText", which | _text(post), message_id=message_id)

    async def answers(self) -> bool:
        return await self.api.answers()

    async def _with_picture(
        self,
        method: str,
        parameters: Mapping[str, Any],
        name: str,
        picture: Picture,
        media: Mapping[str, Any] | None = None,
        message_id: int = 0,
    ) -> Outcome:
        """The call with its picture as a file that Telegram knows, as an address, or as bytes."""
        files = {}
        given = picture.file_id or picture.address
        if picture.file_id is None and picture.way is Way.UPLOAD:
            content = await self.pictures.get(picture.address)
            if content is None:
                return PictureRefused("it cannot be fetched here either")
            files, given = {UPLOAD: content}, f"attach://{UPLOAD}"
        whole = given if media is None else {**media, "media": given}
        return await self._call(method, {**parameters, name: whole}, files=files, message_id=message_id, pictured=True)

    async def _call(
        self,
        method: str,
        parameters: Mapping[str, Any],
        *,
        files: Mapping[str, bytes] | None = None,
        message_id: int = 0,
        pictured: bool = False,
    ) -> Outcome:
        outcome = await self._once(method, parameters, files=files, message_id=message_id, pictured=pictured)
        if isinstance(outcome, Refused) and BUTTON in outcome.why.lower() and _leads_somewhere(parameters):
            # In the same permit: rates count what stands in a chat, and a refused call has put nothing there.
            log.warning("%s goes without its buttons: %s", method, outcome.why)
            bare = {name: value for name, value in parameters.items() if name != "reply_markup"}
            outcome = await self._once(method, bare, files=files, message_id=message_id, pictured=pictured)
        return outcome

    async def _once(
        self,
        method: str,
        parameters: Mapping[str, Any],
        *,
        files: Mapping[str, bytes] | None = None,
        message_id: int = 0,
        pictured: bool = False,
    ) -> Outcome:
        speed = self.api.speed
        try:
            reply = await self.api.call(method, parameters, files=files, timeout=UPLOADING if files else TIMEOUT)
        except (aiohttp.ClientConnectorError, aiohttp.ClientConnectorCertificateError, aiohttp.ConnectionTimeoutError):
            return Deferred(OFFLINE_PAUSE / speed)  # there was no connection: nothing left this machine
        except (aiohttp.ClientError, TimeoutError) as error:
            return Unknown(type(error).__name__)
        if reply.status == 413 and files:
            return PictureRefused("413 from the server before Telegram")
        outcome = outcome_of(reply.status, reply.body, speed=speed, message_id=message_id)
        match outcome:
            case PictureRefused(why) if not pictured:
                return Refused(why)  # there was none: another way of giving it would change nothing
            case Refused(why) if pictured and _is_about_the_picture(why.lower()):
                return PictureRefused(why)  # wording drifts: without its picture the post is at least tried
            case Sent(number, Form.TEXT, file_id) if pictured:
                return Sent(number, Form.PHOTO, file_id)  # «not modified», or an answer that does not show it
            case _:
                return outcome


def _is_about_the_picture(said: str) -> bool:
    """Not a closed topic or a button: what one chat refuses must not cost the others their picture."""
    return BUTTON not in said and any(word in said for word in PICTURE_WORDS)


def _text(post: Post) -> dict[str, Any]:
    preview: dict[str, Any] = {"is_disabled": True}
    if post.preview != "off" and post.link:
        preview = {"url": post.link, f"prefer_{post.preview}_media": True}
    return {"text": post.html, "parse_mode": "HTML", "link_preview_options": preview} | _buttons(post)


def _caption(post: Post) -> dict[str, Any]:
    return {"caption": post.html, "parse_mode": "HTML"} | _buttons(post)


def _buttons(post: Post) -> dict[str, Any]:
    """Bot API InlineKeyboardMarkup; nothing when there are no buttons."""
    rows = [
        [
            {"text": button.text} | ({"url": button.url} if button.url else {"callback_data": button.data})
            for button in row
        ]
        for row in post.buttons
    ]
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _leads_somewhere(parameters: Mapping[str, Any]) -> bool:
    """Whether the call has buttons that open an address."""
    rows = parameters.get("reply_markup", {}).get("inline_keyboard", ())
    return any("url" in button for row in rows for button in row)
