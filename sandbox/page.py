"""The window into the stand-in: one page that shows every chat as Telegram would."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape
from typing import Final
from urllib.parse import urlsplit

from sandbox.model import Chat, Json, Message
from sandbox.telegram import Telegram

SHOWN: Final = 200
_KINDS: Final = {"private": "личный чат", "group": "группа", "supergroup": "супергруппа", "channel": "канал"}
_TAGS: Final = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote",
}
_STYLE: Final = """
:root{color-scheme:light dark;--back:#e6ebee;--panel:#fff;--ink:#14171a;--faint:#6d7883;--line:#dfe5e8;--in:#fff;
--out:#e3f7d3;--accent:#1d7ebf;--chosen:#e7f1f9;--button:rgba(34,60,80,.62);--wall:#c9dbe4}
@media(prefers-color-scheme:dark){:root{--back:#0e1621;--panel:#17212b;--ink:#f1f4f6;--faint:#8a9aa9;--line:#0b121a;
--in:#1b2938;--out:#2b5278;--accent:#6ab7ef;--chosen:#22374d;--button:rgba(64,88,112,.75);--wall:#0e1621}}
*{box-sizing:border-box}html,body{height:100%;margin:0}
body{font:16px/1.42 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;background:var(--back);color:var(--ink)}
main{display:grid;grid-template-columns:minmax(230px,320px) 1fr;height:100%}
nav{background:var(--panel);border-right:1px solid var(--line);overflow-y:auto}
h1{font-size:15px;margin:0;padding:16px 16px 12px;color:var(--faint);font-weight:600}
nav a{display:grid;grid-template-columns:46px 1fr;gap:0 12px;padding:9px 14px;color:inherit;text-decoration:none}
nav a:hover{background:var(--chosen)}nav a[aria-current]{background:var(--chosen)}
nav b,nav small{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}nav small{color:var(--faint);font-size:13.5px}
.face{grid-row:span 2;width:46px;height:46px;border-radius:50%;display:grid;place-items:center;color:#fff;
font-weight:600;font-size:19px}
.c0{background:#c0533f}.c1{background:#b06a1c}.c2{background:#7d5fc0}.c3{background:#3f8a3c}.c4{background:#207f93}
.c5{background:#2f74b5}.c6{background:#b84f7d}
section{display:flex;flex-direction:column;min-width:0;min-height:0;background:var(--wall)}
header{background:var(--panel);padding:10px 20px;border-bottom:1px solid var(--line)}
header b{display:block}header small{color:var(--faint)}
#feed{flex:1;overflow-y:auto;padding:18px 20px;display:flex;flex-direction:column;gap:8px}
.bubble{max-width:min(560px,88%);align-self:flex-start}.bubble.out{align-self:flex-end}
.body{background:var(--in);border-radius:14px;padding:8px 12px 6px;box-shadow:0 1px 2px rgba(0,0,0,.14)}
.out .body{background:var(--out)}
.text{white-space:pre-wrap;overflow-wrap:anywhere}
.pictured{width:min(420px,88%)}.media{padding:4px 4px 6px}.media .text{padding:6px 8px 0}.media .who{padding:4px 8px}
.media .when{padding:0 8px}.photo{display:block;position:relative;overflow:hidden;border-radius:11px}
.photo img{display:block;width:100%;height:auto;max-height:460px;object-fit:cover;background:var(--line)}
.veiled img{filter:blur(28px) saturate(.6);transform:scale(1.15)}
.veiled::after{content:"Скрытое фото";position:absolute;inset:0;margin:auto;width:max-content;height:max-content;
background:var(--button);color:#fff;padding:5px 14px;border-radius:14px;font-size:14px}
.veiled:hover img,.veiled:focus img{filter:none;transform:none}.veiled:hover::after,.veiled:focus::after{content:none}
.who{color:var(--accent);font-size:14px;font-weight:600}
.when{display:block;text-align:right;font-size:12px;color:var(--faint)}.out .when{color:inherit;opacity:.7}
.text a{color:var(--accent)}blockquote{margin:4px 0;padding:2px 10px;border-left:3px solid var(--accent);
background:rgba(100,140,170,.14);border-radius:4px}pre{margin:4px 0;padding:6px 8px;overflow-x:auto;
background:rgba(100,140,170,.16);border-radius:6px}code,pre{font-size:14px}
.spoiler{background:currentColor;border-radius:3px}.spoiler:hover{background:none}
.keys{display:grid;gap:4px;margin-top:4px}.keys div{display:flex;gap:4px}
.keys span,.keys a{flex:1;background:var(--button);color:#fff;text-align:center;padding:8px 10px;border-radius:9px;
font-size:14px;overflow-wrap:anywhere;text-decoration:none}.keys a::after{content:" ↗";opacity:.8}
.service{align-self:center;background:var(--button);color:#fff;border-radius:12px;padding:3px 12px;font-size:13px}
.empty{margin:auto;color:var(--faint)}
@media(max-width:700px){main{grid-template-columns:minmax(0,1fr);grid-template-rows:auto minmax(0,1fr)}
nav{display:flex;overflow-x:auto;border-right:0;border-bottom:1px solid var(--line)}h1{display:none}
nav a{flex:0 0 auto;grid-template-columns:1fr;justify-items:center;gap:3px;width:92px;padding:8px 6px}
nav b{font-size:12.5px;font-weight:500;max-width:80px}nav small{display:none}.face{grid-row:auto}
#feed{padding:12px}}
"""
_SCRIPT: Final = """
const main=document.querySelector('main'),end=f=>f.scrollTop+f.clientHeight>f.scrollHeight-60;
let feed=()=>document.getElementById('feed');feed().scrollTop=1e9;
setInterval(async()=>{try{const page=new DOMParser().parseFromString(await(await fetch(location)).text(),'text/html');
const fresh=page.querySelector('main');if(fresh.innerHTML===main.innerHTML)return;
const same=main.querySelector("header")?.innerHTML===fresh.querySelector("header")?.innerHTML;
const stick=!same||end(feed()),top=feed().scrollTop;main.innerHTML=fresh.innerHTML;
feed().scrollTop=stick?1e9:top}catch{}},2000);
"""


def render_page(telegram: Telegram, chosen: str = "") -> str:
    """The whole page, with this chat open (otherwise the one written to last)."""
    chats = sorted(telegram.chats.values(), key=_last_at, reverse=True)
    named = [chat for chat in chats if str(chat.id) == chosen]
    current = named[0] if named else chats[0] if chats else None
    links = "".join(_link(telegram, chat, current is chat) for chat in chats)
    title = escape(_name(current)) if current else "Чаты"
    return (
        f'<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>{title} · Песочница</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<noscript><meta http-equiv="refresh" content="2"></noscript>'
        '<link rel="icon" href="data:,">'
        f'<style>{_STYLE}</style></head><body><main><nav aria-label="Чаты"><h1>Чаты песочницы</h1>{links}</nav>'
        f"<section>{_conversation(telegram, current)}</section></main><script>{_SCRIPT}</script></body></html>"
    )


def render_text(text: str, entities: Iterable[Json]) -> str:
    """Safe HTML of a message: everything escaped, entities as tags, links only to harmless schemes."""
    units = text.encode("utf-16-le", "surrogatepass")
    ordered = sorted(entities, key=lambda each: (each["offset"], -each["length"]))
    rendered = _render(units, 0, len(units) // 2, ordered)
    return rendered.replace("</blockquote>\n", "</blockquote>").replace("</pre>\n", "</pre>")


def _render(units: bytes, start: int, end: int, entities: list[Json]) -> str:
    parts, at = [], start
    while entities:
        entity, *entities = entities
        begin, stop = max(at, entity["offset"]), min(end, entity["offset"] + entity["length"])
        if begin >= stop:
            continue
        inner = [each for each in entities if each["offset"] < stop]
        entities = entities[len(inner) :]
        parts.append(_plain(units, at, begin))
        parts.append(_wrap(entity, _render(units, begin, stop, inner), _raw(units, begin, stop)))
        at = stop
    return "".join([*parts, _plain(units, at, end)])


def _raw(units: bytes, start: int, end: int) -> str:
    return units[2 * start : 2 * end].decode("utf-16-le", "replace")


def _plain(units: bytes, start: int, end: int) -> str:
    return escape(_raw(units, start, end))


def _wrap(entity: Json, inner: str, raw: str) -> str:
    kind = entity["type"]
    if kind in _TAGS:
        return f"<{_TAGS[kind]}>{inner}</{_TAGS[kind]}>"
    if kind == "spoiler":
        return f'<span class="spoiler">{inner}</span>'
    address = str(entity.get("url", "")) if kind == "text_link" else raw if kind == "url" else ""
    if address and _harmless(address):
        return f'<a href="{escape(address)}" rel="noreferrer noopener" target="_blank">{inner}</a>'
    return inner


def _harmless(address: str) -> bool:
    try:
        return urlsplit(address).scheme in {"http", "https", "tg"}
    except ValueError:
        return False


def _last_at(chat: Chat) -> tuple[int, int]:
    last = next((message for message in reversed(chat.messages.values()) if not message.deleted), None)
    return (last.date, last.message_id) if last else (0, 0)


def _name(chat: Chat) -> str:
    return chat.title or chat.first_name or str(chat.id)


def _link(telegram: Telegram, chat: Chat, current: bool) -> str:
    visible = telegram.messages(chat.id)
    last = _summary(visible[-1]) if visible else _KINDS[chat.type]
    name, mark = escape(_name(chat)), ' aria-current="page"' if current else ""
    return (
        f'<a href="?chat={chat.id}"{mark}><span class="face c{abs(chat.id) % 7}">{name[:1]}</span>'
        f"<b>{name}</b><small>{escape(last)}</small></a>"
    )


def _summary(message: Message) -> str:
    said = message.text.replace("\n", " ")[:80]
    return said if message.photo is None else f"Фото · {said}" if said else "Фото"


def _conversation(telegram: Telegram, chat: Chat | None) -> str:
    if chat is None:
        return '<div id="feed"><p class="empty">Пока ни одного чата.</p></div>'
    about = _KINDS[chat.type] + (f" · @{escape(chat.username)}" if chat.username else "")
    if chat.type != "private":
        about += f" · участников: {sum(member.inside for member in chat.members.values())}"
    visible = telegram.messages(chat.id)[-SHOWN:]
    bubbles = "".join(_bubble(telegram, chat, message) for message in visible)
    bubbles = bubbles or '<p class="empty">Здесь пока тихо.</p>'
    return f'<header><b>{escape(_name(chat))}</b><small>{about}</small></header><div id="feed">{bubbles}</div>'


def _bubble(telegram: Telegram, chat: Chat, message: Message) -> str:
    if message.service:
        return '<div class="service">Группа стала супергруппой</div>'
    sender = telegram.users.get(message.from_id) if message.from_id is not None else None
    out = chat.type == "private" and sender is not None and not sender.is_bot
    who = "" if chat.type == "private" else escape(sender.first_name if sender else _name(chat))
    at = time.strftime("%H:%M", time.localtime(message.edit_date or message.date))
    edited = "изменено " if message.edits else ""
    text = f'<div class="text">{render_text(message.text, message.entities)}</div>' if message.text else ""
    pictured, media = (" pictured", " media") if message.photo else ("", "")
    content = text + _photo(message) if message.caption_above else _photo(message) + text
    return (
        f'<div class="bubble{" out" if out else ""}{pictured}"><div class="body{media}">'
        + (f'<div class="who">{who}</div>' if who else "")
        + f'{content}<span class="when">{edited}{at}</span></div>{_keys(message)}</div>'
    )


def _photo(message: Message) -> str:
    photo = message.photo
    if photo is None:
        return ""
    sides = f'width="{photo.width}" height="{photo.height}"'
    image = f'<img src="photo/{photo.digest}" {sides} alt="Фотография">'
    veil = ' veiled" tabindex="0' if message.has_spoiler else ""
    return f'<div class="photo{veil}">{image}</div>'


def _keys(message: Message) -> str:
    rows = (message.reply_markup or {}).get("inline_keyboard", [])
    drawn = ("".join(_key(key) for key in row) for row in rows)
    return f'<div class="keys">{"".join(f"<div>{row}</div>" for row in drawn)}</div>' if rows else ""


def _key(key: Json) -> str:
    text, address = escape(str(key["text"])), str(key.get("url", ""))
    if address and _harmless(address):
        return f'<a href="{escape(address)}" rel="noreferrer noopener" target="_blank">{text}</a>'
    return f"<span>{text}</span>"
