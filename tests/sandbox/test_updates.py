"""getUpdates as the server does it: offsets, waiting, conflicts, ageing."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from tests.sandbox.conftest import World, until

ELSEWHERE = "409 Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK = (
    "409 Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


async def updates(world: World, **params: Any) -> list[dict[str, Any]]:
    answer = await world.ask("getUpdates", **params)
    assert answer["ok"], answer
    result: list[dict[str, Any]] = answer["result"]
    return result


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [update["message"]["text"] for update in found]


async def until_polling(world: World) -> None:
    await until(lambda: world.telegram.bot().polling)


async def test_an_offset_confirms_what_came_before(world: World) -> None:
    for word in ("раз", "два", "три"):
        world.telegram.says(world.reader.id, word)
    first = await updates(world, limit=1)
    assert texts(first) == ["раз"]
    number = first[0]["update_id"]
    assert texts(await updates(world, offset=number + 1)) == ["два", "три"]
    assert texts(await updates(world, offset=-1)) == ["три"], "a negative offset keeps the last and drops the rest"
    assert texts(await updates(world, offset=number)) == ["три"]


async def test_a_long_poll_waits_for_news(world: World) -> None:
    poll = asyncio.create_task(updates(world, timeout=50))
    await until_polling(world)
    world.telegram.says(world.reader.id, "привет")
    assert texts(await poll) == ["привет"]


async def test_a_long_poll_ends_in_its_own_seconds(world: World) -> None:
    began = time.monotonic()
    assert await updates(world, timeout=20) == []
    assert 0.09 < time.monotonic() - began < 2


async def test_the_older_poll_is_terminated(world: World) -> None:
    older = asyncio.create_task(world.refusal("getUpdates", timeout=50))
    await until_polling(world)
    newer = asyncio.create_task(updates(world, timeout=50, offset=5))
    assert await older == ELSEWHERE
    world.telegram.says(world.reader.id, "привет")
    assert texts(await newer) == ["привет"]


async def test_a_webhook_and_polling_exclude_each_other(world: World) -> None:
    poll = asyncio.create_task(world.refusal("getUpdates", timeout=50))
    await until_polling(world)
    assert (await world.ask("setWebhook", url="https://e.kg/hook"))["description"] == "Webhook was set"
    assert await poll == "409 Conflict: terminated by setWebhook request"
    assert await world.refusal("getUpdates") == WEBHOOK
    assert (await world.ask("getWebhookInfo"))["result"]["url"] == "https://e.kg/hook"
    world.telegram.says(world.reader.id, "старое")
    dropped = await world.ask("deleteWebhook", drop_pending_updates=True)
    assert dropped["description"] == "Webhook was deleted"
    assert (await world.ask("deleteWebhook"))["description"] == "Webhook is already deleted"
    assert await updates(world) == []


async def test_updates_age_and_callbacks_age_sooner(world: World) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Да", "callback_data": "yes"}]]}
    number = await world.send(world.reader.id, "?", reply_markup=json.dumps(keyboard))
    message = world.telegram.chats[world.reader.id].messages[number]
    query = world.telegram.presses(world.reader.id, message, "Да")
    world.telegram.says(world.reader.id, "привет")
    assert len(await updates(world)) == 2
    world.telegram.shift(151)
    assert texts(await updates(world)) == ["привет"]
    late = await world.refusal("answerCallbackQuery", callback_query_id=query)
    assert late.startswith("400 Bad Request: query is too old")
    world.telegram.shift(86_400)
    assert await updates(world) == []


async def test_allowed_updates_stay_until_changed(world: World) -> None:
    await updates(world, allowed_updates=["chat_member"], offset=1)
    world.telegram.says(world.reader.id, "не слышно")
    world.telegram.set_member(world.supergroup.id, world.reader.id, "member")
    found = await updates(world, offset=2)
    assert [each["chat_member"]["new_chat_member"]["status"] for each in found] == ["member"]
    await updates(world, allowed_updates=[], offset=found[0]["update_id"] + 1)
    world.telegram.set_member(world.supergroup.id, world.reader.id, "left")
    world.telegram.says(world.reader.id, "слышно")
    assert texts(await updates(world)) == ["слышно"]


async def test_the_second_conflict_in_a_row_answers_late(world: World) -> None:
    world.telegram.bot().speed = 20
    polls = []
    for offset in range(1, 4):
        polls.append(asyncio.create_task(world.ask("getUpdates", timeout=50, offset=offset)))
        await asyncio.sleep(0.03)
    began = time.monotonic()
    assert (await polls[0])["status"] == 409
    assert (await polls[1])["status"] == 409
    assert time.monotonic() - began > 0.1
    world.telegram.says(world.reader.id, "привет")
    assert texts((await polls[2])["result"]) == ["привет"]


async def test_a_raw_update_goes_through_as_it_is(world: World) -> None:
    world.telegram.push_update({"message": {"nonsense": True}})
    assert (await updates(world))[0]["message"] == {"nonsense": True}
