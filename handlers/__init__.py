"""What people press: a Telegram update becomes one service call and an answer.

The table of contents. Order is meaning: what concerns the bot's own standing comes first, then the editors' brake
(a command of theirs must not fall through to the readers' rooms), then channels, then readers, whose last handler
answers whatever nobody else understood.
"""

from aiogram import Router

from handlers import channels, editors, readers


def build() -> Router:
    """A new tree of routers; one per dispatcher, because a router is attached once."""
    root = Router(name="elchi")
    root.include_routers(channels.build(), editors.build(), readers.build())
    return root
