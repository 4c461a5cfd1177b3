"""The one writer of broadcasts and messages: whatever is to be said is said here first, in the fact's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from newsroom.articles import FetchedArticle
from newsroom.chats import kind_by_id
from newsroom.deliveries import Lane
from newsroom.ids import ArticleId, ChatId
from newsroom.ports import Clock
from newsroom.text import render
from storage.database import Transaction


@dataclass(frozen=True, slots=True)
class Outgoing:
    clock: Clock
    editors: Sequence[ChatId]
    """the editors' chat, or the owners where there is none"""

    async def announce(self, tx: Transaction, article_id: ArticleId, article: FetchedArticle) -> None:
        """One broadcast for each lane, channels first; the caller holds the audience lock."""
        for lane in (Lane.CHANNELS, Lane.PRIVATE):
            await tx.outbox.announce("article", article_id, lane, render.article_content(article), self.clock())

    async def correct(
        self, tx: Transaction, article_id: ArticleId, article: FetchedArticle, *, new_picture: bool = False
    ) -> None:
        """Every copy, sent or not, is to say the newest."""
        await tx.outbox.correct(article_id, render.article_content(article), new_picture=new_picture)

    async def tell(self, tx: Transaction, chat: ChatId, key: str, **words: str | int) -> None:
        """A notice to one chat, sure to arrive if it can."""
        recipient = await tx.chats.recipient(chat, kind_by_id(chat))
        await tx.outbox.tell(recipient, "notice", render.notice_content(key, words), self.clock())

    async def alarm(self, tx: Transaction, key: str, **words: str | int) -> None:
        """A notice to the editors, or to the owners where there is no editors' chat."""
        await self.consult(tx, key, (), **words)

    async def consult(self, tx: Transaction, key: str, buttons: Sequence[tuple[str, str]], **words: str | int) -> None:
        """The same with buttons: (the key of its text, what it sends when it is pressed)."""
        for chat in self.editors:
            recipient = await tx.chats.recipient(chat, kind_by_id(chat))
            await tx.outbox.tell(recipient, "notice", render.notice_content(key, words, buttons), self.clock())
