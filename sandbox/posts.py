"""What a bot writes: texts and photos are sent, changed and deleted here, in Telegram's own order of refusals."""

from __future__ import annotations

from typing import Any, Final

from sandbox import rules
from sandbox.access import check_delete, check_edit, check_read, check_write, find_chat, find_message
from sandbox.files import file_of
from sandbox.model import Chat, Json, Message, Photo
from sandbox.params import Arguments, Values
from sandbox.photos import PhotoDesk
from sandbox.rules import ApiError, Parsed
from sandbox.telegram import Telegram
from sandbox.updates import Bot

WRITING: Final = frozenset(
    ["sendMessage", "sendPhoto", "editMessageText", "editMessageCaption", "editMessageMedia", "editMessageReplyMarkup"]
)
_NOT_MODIFIED: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


class Posts:
    """The methods that write, over one Telegram."""

    def __init__(self, telegram: Telegram) -> None:
        self.telegram = telegram
        self.photos = PhotoDesk(telegram)

    # ---- sending

    def send_message(self, bot: Bot, arguments: Arguments) -> Json:
        chat = find_chat(self.telegram, arguments.text("chat_id"))
        parsed = rules.text_of(arguments.text("text"), arguments.text("parse_mode"), arguments.entities())
        markup = arguments.reply_markup()
        check_write(self.telegram, bot, chat)
        reply_to = _reply_target(chat, arguments)
        message = self._store(bot, chat, parsed, arguments, arguments.text("text"))
        message.reply_markup, message.reply_to = markup, reply_to
        message.link_preview = arguments.link_preview()
        return self.telegram.wire(message)

    async def send_photo(self, bot: Bot, arguments: Arguments) -> Json:
        chat = find_chat(self.telegram, arguments.text("chat_id"))
        parsed = _caption(arguments)
        markup = arguments.reply_markup()
        check_write(self.telegram, bot, chat, "photos")
        _reply_target(chat, arguments)
        photo = await self.photos.take(
            bot, arguments.text("photo"), arguments.files, "there is no photo in the request"
        )
        check_write(self.telegram, bot, chat, "photos")
        reply_to = _reply_target(chat, arguments)
        message = self._store(bot, chat, parsed, arguments, arguments.text("caption"))
        message.photo, message.reply_markup, message.reply_to = photo, markup, reply_to
        message.has_spoiler = arguments.flag("has_spoiler")
        message.caption_above = arguments.flag("show_caption_above_media")
        return self.telegram.wire(message)

    def _store(self, bot: Bot, chat: Chat, parsed: Parsed, arguments: Arguments, raw: str) -> Message:
        self._take_rate(bot, chat)
        from_id = None if chat.type == "channel" else bot.user.id
        message = self.telegram.store(chat, from_id, parsed.text, raw, parsed.entities)
        message.bot_id = bot.user.id
        message.silent = arguments.flag("disable_notification")
        self.telegram.accepted[chat.id, parsed.text] += 1
        return message

    def _take_rate(self, bot: Bot, chat: Chat) -> None:
        wait = self.telegram.rates.take(bot.user.id, chat.id, group=chat.type != "private")
        if wait:
            raise ApiError(429, f"Too Many Requests: retry after {wait}", {"retry_after": wait})

    # ---- editing

    def edit_message_text(self, bot: Bot, arguments: Arguments) -> Json:
        chat, message = self._editable(bot, arguments)
        parsed = rules.text_of(arguments.text("text"), arguments.text("parse_mode"), arguments.entities())
        markup, options = arguments.reply_markup(), arguments.link_preview()
        check_edit(bot, chat, message)
        if message.photo is not None:
            raise ApiError(400, "there is no text in the message to edit")
        before = Parsed(message.text, message.entities)
        seen = rules.link_preview(before, message.link_preview) == rules.link_preview(parsed, options)
        if seen and (before, message.reply_markup) == (parsed, markup):
            raise ApiError(400, _NOT_MODIFIED)
        self._take_rate(bot, chat)
        _reword(message, parsed, arguments.text("text"))
        message.link_preview = options
        return self._edited(message, markup)

    def edit_message_caption(self, bot: Bot, arguments: Arguments) -> Json:
        chat, message = self._editable(bot, arguments, "photos")
        parsed, markup = _caption(arguments), arguments.reply_markup()
        check_edit(bot, chat, message)
        if message.photo is None:
            raise ApiError(400, "there is no caption in the message to edit")
        above = arguments.flag("show_caption_above_media")
        if _content(message) == (message.photo, parsed, message.has_spoiler, above, markup):
            raise ApiError(400, _NOT_MODIFIED)
        self._take_rate(bot, chat)
        _reword(message, parsed, arguments.text("caption"))
        message.caption_above = above
        return self._edited(message, markup)

    async def edit_message_media(self, bot: Bot, arguments: Arguments) -> Json:
        media = _input_media(arguments)
        parsed, markup = _caption(media), arguments.reply_markup()
        chat, message = self._editable(bot, arguments, "photos")
        check_edit(bot, chat, message)
        missing = "can't parse InputMedia: media not found"
        photo = await self.photos.take(bot, media.text("media"), arguments.files, missing)
        chat, message = self._editable(bot, arguments, "photos")
        check_edit(bot, chat, message)
        spoiler, above = media.flag("has_spoiler"), media.flag("show_caption_above_media")
        if _content(message) == (photo, parsed, spoiler, above, markup):
            raise ApiError(400, _NOT_MODIFIED)
        self._take_rate(bot, chat)
        _reword(message, parsed, media.text("caption"))
        message.photo, message.has_spoiler, message.caption_above = photo, spoiler, above
        message.link_preview = None
        return self._edited(message, markup)

    def edit_message_reply_markup(self, bot: Bot, arguments: Arguments) -> Json:
        chat, message = self._editable(bot, arguments)
        markup = arguments.reply_markup()
        check_edit(bot, chat, message)
        if markup == message.reply_markup:
            raise ApiError(400, _NOT_MODIFIED)
        self._take_rate(bot, chat)
        return self._edited(message, markup)

    def _editable(self, bot: Bot, arguments: Arguments, what: str = "text messages") -> tuple[Chat, Message]:
        chat = find_chat(self.telegram, arguments.text("chat_id"))
        number = arguments.number("message_id")
        if number <= 0:
            raise ApiError(400, "message identifier is not specified")
        check_write(self.telegram, bot, chat, what)
        return chat, find_message(chat, number, "message to edit not found")

    def _edited(self, message: Message, markup: Json | None) -> Json:
        message.reply_markup = markup
        message.edits += 1
        message.edit_date = int(self.telegram.now())
        return self.telegram.wire(message)

    # ---- the rest

    def delete_message(self, bot: Bot, arguments: Arguments) -> bool:
        chat = find_chat(self.telegram, arguments.text("chat_id"))
        number = arguments.number("message_id")
        if number <= 0:
            raise ApiError(400, "message identifier is not specified")
        check_read(self.telegram, bot, chat)
        message = find_message(chat, number, "message to delete not found")
        check_delete(self.telegram, bot, chat, message)
        message.deleted = True
        return True

    def get_file(self, bot: Bot, arguments: Arguments) -> Json:
        """Name the path under /file/bot<token>/ where the picture can be fetched."""
        file_id = arguments.text("file_id")
        try:
            return file_of(self.telegram.files.find(bot.user.id, file_id), file_id)
        except ApiError as error:
            forgotten = "HTTP URL" in error.text
            text = "wrong file_id or the file is temporarily unavailable" if forgotten else "invalid file_id"
            raise ApiError(400, text) from None


def _caption(values: Values) -> Parsed:
    return rules.caption_of(values.text("caption"), values.text("parse_mode"), values.entities("caption_entities"))


def _content(message: Message) -> tuple[Photo | None, Parsed, bool, bool, Json | None]:
    words = Parsed(message.text, message.entities)
    return message.photo, words, message.has_spoiler, message.caption_above, message.reply_markup


def _reword(message: Message, parsed: Parsed, raw: str) -> None:
    message.history.append(message.text)
    message.text, message.entities, message.html = parsed.text, parsed.entities, raw


def _input_media(arguments: Arguments) -> Values:
    """The `media` argument, which must be a photo: the stand-in keeps nothing else."""
    if arguments.raw.get("media") in (None, ""):
        raise ApiError(400, "can't parse InputMedia: media not found")
    given: Any = arguments.object("media")
    if given is None:
        raise ApiError(400, "can't parse input media JSON object")
    if not isinstance(given, dict):
        raise ApiError(400, "can't parse InputMedia: expected an Object")
    kind = given.get("type")
    if not isinstance(kind, str):
        raise ApiError(400, "can't parse InputMedia: Can't find field \"type\"")
    if kind != "photo":
        raise ApiError(400, f'can\'t parse InputMedia: type "{kind}" is unsupported')
    return Values(given)


def _reply_target(chat: Chat, arguments: Arguments) -> int | None:
    if arguments.number("message_thread_id"):
        raise ApiError(400, "message thread not found")
    reply = arguments.object("reply_parameters")
    number = reply.get("message_id") if isinstance(reply, dict) else arguments.number("reply_to_message_id")
    if not isinstance(number, int) or not number:
        return None
    message = chat.messages.get(number)
    if message is not None and not message.deleted:
        return number
    tolerant = isinstance(reply, dict) and reply.get("allow_sending_without_reply")
    if not tolerant and not arguments.flag("allow_sending_without_reply"):
        raise ApiError(400, "message to be replied not found")
    return None
