"""The arguments each method knows, read as strictly as a good client writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.model import Json
from sandbox.rules import CALLBACK_DATA_LIMIT, MARKUP_LIMIT, ApiError

_LANGUAGE: Final = "language_code"
KNOWN: Final[dict[str, frozenset[str]]] = {
    method: frozenset(names.split())
    for method, names in {
        "getMe": "",
        "getUpdates": "offset limit timeout allowed_updates",
        "setWebhook": "url certificate ip_address max_connections allowed_updates drop_pending_updates secret_token",
        "deleteWebhook": "drop_pending_updates",
        "getWebhookInfo": "",
        "sendMessage": "chat_id text business_connection_id message_thread_id direct_messages_topic_id parse_mode "
        "entities link_preview_options disable_notification protect_content allow_paid_broadcast message_effect_id "
        "suggested_post_parameters reply_parameters reply_markup ephemeral_message_parameters receiver_user_id "
        "callback_query_id allow_sending_without_reply disable_web_page_preview reply_to_message_id",
        "editMessageText": "text business_connection_id chat_id message_id inline_message_id parse_mode entities "
        "link_preview_options reply_markup rich_message disable_web_page_preview",
        "sendPhoto": "chat_id photo business_connection_id message_thread_id direct_messages_topic_id caption "
        "parse_mode caption_entities show_caption_above_media has_spoiler disable_notification protect_content "
        "allow_paid_broadcast message_effect_id suggested_post_parameters reply_parameters reply_markup "
        "ephemeral_message_parameters receiver_user_id callback_query_id allow_sending_without_reply "
        "reply_to_message_id",
        "editMessageCaption": "business_connection_id chat_id message_id inline_message_id caption parse_mode "
        "caption_entities show_caption_above_media reply_markup",
        "editMessageMedia": "business_connection_id chat_id message_id inline_message_id media reply_markup",
        "getFile": "file_id",
        "editMessageReplyMarkup": "business_connection_id chat_id message_id inline_message_id reply_markup",
        "deleteMessage": "chat_id message_id",
        "getChat": "chat_id",
        "getChatMember": "chat_id user_id",
        "getChatAdministrators": "chat_id return_bots",
        "getChatMemberCount": "chat_id",
        "answerCallbackQuery": "callback_query_id text show_alert url cache_time",
        "setMyCommands": "commands scope language_code",
        "deleteMyCommands": "scope language_code",
        "getMyCommands": "scope language_code",
        "setMyDescription": "description language_code",
        "setMyShortDescription": "short_description language_code",
        "sendChatAction": "chat_id action business_connection_id message_thread_id",
        "leaveChat": "chat_id",
    }.items()
}
BY_LOWER: Final = {name.lower(): name for name in KNOWN}
_INTEGERS: Final = frozenset(
    [
        "offset",
        "limit",
        "timeout",
        "max_connections",
        "message_thread_id",
        "direct_messages_topic_id",
        "receiver_user_id",
        "reply_to_message_id",
        "message_id",
        "user_id",
        "cache_time",
    ]
)
_FLAGS: Final = frozenset(
    [
        "drop_pending_updates",
        "disable_notification",
        "protect_content",
        "allow_paid_broadcast",
        "allow_sending_without_reply",
        "disable_web_page_preview",
        "has_spoiler",
        "show_caption_above_media",
        "show_alert",
        "return_bots",
    ]
)
_OBJECTS: Final[dict[str, type]] = {
    "entities": list,
    "caption_entities": list,
    "media": dict,
    "allowed_updates": list,
    "commands": list,
    "link_preview_options": dict,
    "suggested_post_parameters": dict,
    "reply_parameters": dict,
    "reply_markup": dict,
    "ephemeral_message_parameters": dict,
    "rich_message": dict,
    "scope": dict,
}
_FIELDS: Final[dict[str, frozenset[str]]] = {
    name: frozenset(fields.split())
    for name, fields in {
        "link_preview_options": "is_disabled url prefer_small_media prefer_large_media show_above_text",
        "reply_parameters": "message_id chat_id allow_sending_without_reply quote quote_parse_mode quote_entities "
        "quote_position checklist_task_id poll_option_id ephemeral_message_id",
        "media": "type media caption parse_mode caption_entities show_caption_above_media has_spoiler",
    }.items()
}
_ACTIONS: Final = frozenset({"login_url", "web_app", "switch_inline_query", "switch_inline_query_current_chat"}) | {
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
}


class Values:
    """Named values as they came, read the way Telegram reads them."""

    def __init__(self, raw: Json) -> None:
        self.raw = raw

    def text(self, name: str) -> str:
        value = self.raw.get(name)
        return "" if value is None else str(value)

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "1", "yes", "t"}

    def object(self, name: str) -> Any:
        """The nested value, given as itself or as JSON text; None when absent or broken."""
        value = self.raw.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            return None

    def entities(self, name: str = "entities") -> list[Json] | None:
        """Explicit entities, checked as far as they can hurt."""
        entities = self.object(name)
        if not entities:
            return None
        for entity in entities if isinstance(entities, list) else [None]:
            if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
                raise ApiError(400, "can't parse entities: Expected an Object")
            if not all(isinstance(entity.get(name), int) and entity[name] >= 0 for name in ("offset", "length")):
                raise ApiError(400, 'can\'t parse entities: Field "offset" must be of type Number')
        return list(entities)


class Arguments(Values):
    """One call's arguments; what is wrong with their shape is reported as a violation."""

    def __init__(
        self, method: str, raw: Json, report: Callable[[str], None], files: Mapping[str, bytes] | None = None
    ) -> None:
        super().__init__(raw)
        self.method, self.files = method, files or {}
        for name in raw:
            if name not in KNOWN[method]:
                report(f"{method}: unknown parameter {name!r}")
            elif (complaint := _complaint(name, raw[name])) is not None:
                report(f"{method}: {name} {complaint}")

    def link_preview(self) -> Json | None:
        """What was said about the preview of a link, in today's words or in the old ones."""
        options = self.object("link_preview_options")
        if isinstance(options, dict):
            return options or None
        return {"is_disabled": True} if self.flag("disable_web_page_preview") else None

    def reply_markup(self) -> Json | None:
        """The inline keyboard, checked; other markups pass and are not shown back."""
        raw = self.raw.get("reply_markup")
        if raw in (None, ""):
            return None
        markup = self.object("reply_markup")
        if markup is None:
            raise ApiError(400, "can't parse reply keyboard markup JSON object")
        if not isinstance(markup, dict):
            raise ApiError(400, "object expected as reply markup")
        if len(json.dumps(markup, ensure_ascii=False).encode("utf-8", "replace")) > MARKUP_LIMIT:
            raise ApiError(400, "reply markup is too long")
        if "inline_keyboard" not in markup:
            return None
        rows = markup["inline_keyboard"]
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise ApiError(400, 'Field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
        for row in rows:
            for button in row:
                _check_button(button)
        rows = [row for row in rows if row]
        return {"inline_keyboard": rows} if rows else None


def _check_button(button: Any) -> None:
    if not isinstance(button, dict):
        raise ApiError(400, "can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if not isinstance(button.get("text"), str) or not button["text"]:
        raise ApiError(400, 'can\'t parse inline keyboard button: Field "text" must be of type String')
    if "url" in button:
        _check_url(str(button["url"]))
    elif "callback_data" in button:
        data = button["callback_data"]
        if not isinstance(data, str) or not 1 <= len(data.encode()) <= CALLBACK_DATA_LIMIT:
            raise ApiError(400, "BUTTON_DATA_INVALID")
    elif not _ACTIONS & button.keys():
        raise ApiError(400, "Text buttons are unallowed in the inline keyboard")


def _check_url(url: str) -> None:
    """An address as TDLib takes it, then as the server behind it does."""
    found = re.match(r"(https?|tg|ton)://(?:[^\s/?#]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#:]+)", url)
    web = found is not None and found[1].startswith("http")
    if found is None or (web and not found[2].startswith("[") and "." not in found[2].strip(".")):
        raise ApiError(400, f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    if web and ".." in found[2]:
        raise ApiError(400, "BUTTON_URL_INVALID")


def _complaint(name: str, value: Any) -> str | None:
    if name == "chat_id":
        good = not isinstance(value, bool) and re.fullmatch(r"-?\d+|@\w+", str(value))
        return None if good else f"is neither a number nor a @name: {value!r}"
    if name in _INTEGERS:
        good = not isinstance(value, bool) and re.fullmatch(r"-?\d+", str(value))
        return None if good else f"is not a number: {value!r}"
    if name in _FLAGS:
        return None if str(value).lower() in {"true", "false", "1", "0"} else f"is not a flag: {value!r}"
    if name in _OBJECTS:
        try:
            decoded = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return f"is not JSON: {value!r}"
        if not isinstance(decoded, _OBJECTS[name]):
            return f"is not a JSON {_OBJECTS[name].__name__}: {value!r}"
        unknown = sorted(decoded.keys() - _FIELDS[name]) if name in _FIELDS and isinstance(decoded, dict) else []
        return f"has unknown fields: {', '.join(unknown)}" if unknown else None
    return None if isinstance(value, str) else f"is not a string: {value!r}"
