"""The tables, each column that may be null saying when, each index saying which question it answers."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    text,
)

from storage.columns import Id, UtcDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class _Settings(TypedColumns):
    key = Column(String(64), primary_key=True)
    value = Column(Text, nullable=False)


class _Updates(TypedColumns):
    arrived = Column(Id, primary_key=True, autoincrement=True)
    bot_id = Column(BigInteger, nullable=False)
    update_id = Column(BigInteger, nullable=False)
    kind = Column(String(40), nullable=False)
    order_key = Column(String(64), nullable=False)
    poll_id = Column(String(64), nullable=True)  # only for updates of kind poll
    payload = Column(LargeBinary, nullable=True)  # sealed; null once done
    received_at = Column(UtcDateTime, nullable=False)
    tries = Column(Integer, nullable=False)
    not_before = Column(UtcDateTime, nullable=False)
    done_at = Column(UtcDateTime, nullable=True)  # null while it waits
    put_aside = Column(String(200), nullable=True)  # why it was given up; null otherwise


class _Feeds(TypedColumns):
    id = Column(Id, primary_key=True, autoincrement=True)
    url = Column(String(2000), nullable=False, unique=True)
    etag = Column(Text, nullable=True)  # null if the server sent none
    last_modified = Column(Text, nullable=True)  # null if the server sent none
    body_hash = Column(String(64), nullable=True)  # null before the first read
    first_read_at = Column(UtcDateTime, nullable=True)  # null before the first read
    failing_since = Column(UtcDateTime, nullable=True)  # null while it can be read
    failures = Column(Integer, nullable=False, server_default="0")  # in a row
    moved_to = Column(String(2000), nullable=True)  # null unless the server said that it moved for good
    next_due_utc = Column(UtcDateTime, nullable=False)


class _Articles(TypedColumns):
    id = Column(Id, primary_key=True, autoincrement=True)
    feed_id = Column(Id, ForeignKey("feeds.id"), nullable=False)
    identity = Column(String(2000), nullable=False, unique=True)
    title = Column(Text, nullable=False)
    link = Column(Text, nullable=False)
    lead = Column(Text, nullable=False)
    content_hash = Column(String(64), nullable=False)  # of what the feed said, not of what the page added
    image = Column(Text, nullable=True)  # null if neither feed nor page shows a picture
    graphic = Column(Boolean, nullable=False, server_default=text("false"))
    categories = Column(Text, nullable=False, server_default="[]")  # as JSON
    storm_id = Column(Id, nullable=True)  # the storm it came with, held until an editor decides; null for most
    published = Column(UtcDateTime, nullable=True)  # null if the feed gives no usable date
    seen_at = Column(UtcDateTime, nullable=False)


class _ArticleIdentities(TypedColumns):
    identity = Column(String(2000), primary_key=True)
    article_id = Column(Id, ForeignKey("articles.id"), nullable=False)
    twin = Column(Boolean, nullable=False, server_default=text("false"))  # true for the names of a twin


class _Storms(TypedColumns):
    id = Column(Id, primary_key=True, autoincrement=True)
    feed_id = Column(Id, ForeignKey("feeds.id"), nullable=False)
    made_at = Column(UtcDateTime, nullable=False)
    decided_at = Column(UtcDateTime, nullable=True)  # null while the editors have not said what becomes of it
    decided_by = Column(BigInteger, nullable=True)  # null while the editors have not said what becomes of it


class _Recipients(TypedColumns):
    id = Column(Id, primary_key=True, autoincrement=True)
    chat_id = Column(BigInteger, nullable=True)  # null for a sealed recipient
    sealed_id = Column(LargeBinary, nullable=True)  # null for a subscriber
    lookup = Column(String(64), nullable=False, unique=True)
    kind = Column(String(10), nullable=False)
    not_before = Column(UtcDateTime, nullable=True)  # null unless Telegram asked this chat to wait


class _Chats(TypedColumns):
    recipient_id = Column(Id, ForeignKey("recipients.id"), primary_key=True)
    title = Column(Text, nullable=False)
    username = Column(String(64), nullable=True)  # null for a private group or channel
    language = Column(String(8), nullable=True)  # null until somebody chose one
    lane = Column(Integer, nullable=False)
    active = Column(Boolean, nullable=False)
    from_broadcast = Column(BigInteger, nullable=False)
    off_because = Column(String(200), nullable=True)  # null while active
    linked_chat_id = Column(BigInteger, nullable=True)  # null without a linked channel or group
    added_by = Column(BigInteger, nullable=True)  # null for a chat named in the config
    connected_at = Column(UtcDateTime, nullable=False)


class _Broadcasts(TypedColumns):
    id = Column(Id, primary_key=True, autoincrement=True)
    kind = Column(String(20), nullable=False)
    article_id = Column(Id, ForeignKey("articles.id"), nullable=True)  # null for a notice
    lane = Column(Integer, nullable=False)
    content = Column(Text, nullable=False)
    version = Column(Integer, nullable=False)
    pinned = Column(Boolean, nullable=False)
    picture_way = Column(Integer, nullable=False, server_default="0")  # how Telegram is given the picture
    picture_file = Column(Text, nullable=True)  # Telegram's name for the picture; null until it has it
    picture_version = Column(Integer, nullable=False, server_default="1")  # the version that brought the picture
    cursor = Column(BigInteger, nullable=False)
    expanded = Column(Boolean, nullable=False)
    correction_cursor = Column(BigInteger, nullable=True)  # null when every copy knows the newest version
    made_at = Column(UtcDateTime, nullable=False)


class _Deliveries(TypedColumns):
    id = Column(Id, primary_key=True, autoincrement=True)
    broadcast_id = Column(Id, ForeignKey("broadcasts.id"), nullable=False)
    recipient_id = Column(Id, ForeignKey("recipients.id"), nullable=False)


class _Messages(TypedColumns):
    id = Column(Id, primary_key=True, autoincrement=True)
    delivery_id = Column(Id, ForeignKey("deliveries.id"), nullable=False)
    broadcast_id = Column(Id, nullable=False)  # the delivery's, here for the order and the claim
    recipient_id = Column(Id, nullable=False)  # the delivery's, here for the order and the claim
    lane = Column(Integer, nullable=False)
    part = Column(Integer, nullable=False)
    thread_id = Column(BigInteger, nullable=True)  # null outside forum topics
    after = Column(Id, nullable=True)  # the message whose result this one needs; null for most
    wanted_version = Column(Integer, nullable=False)
    sending_version = Column(Integer, nullable=True)  # null unless a request may be open
    sent_version = Column(Integer, nullable=True)  # null until Telegram has accepted a first send
    telegram_id = Column(BigInteger, nullable=True)  # null until sent
    form = Column(String(10), nullable=True)  # text or photo; null until sent
    no_picture = Column(Boolean, nullable=False, server_default=text("false"))  # true where photos may not be sent
    more_ids = Column(Text, nullable=True)  # the other ids of an album, as JSON; null for a single message
    pin_state = Column(String(10), nullable=True)  # null unless a pin is wanted or was refused
    attempt = Column(Integer, nullable=False)
    repeats = Column(Integer, nullable=False)
    not_before = Column(UtcDateTime, nullable=True)  # null when it may go at once
    state = Column(String(10), nullable=False)
    why = Column(String(200), nullable=True)  # null unless something went wrong
    sent_at = Column(UtcDateTime, nullable=True)  # null until sent


class _MessageItems(TypedColumns):
    message_id = Column(Id, ForeignKey("messages.id"), primary_key=True)
    article_id = Column(Id, ForeignKey("articles.id"), primary_key=True)


settings = Table("settings", metadata, _Settings)
updates = Table(
    "updates",
    metadata,
    _Updates,
    UniqueConstraint("bot_id", "update_id"),
    # inbox.next: what waits, in order of arrival
    Index(
        "ix_updates_waiting", "arrived", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")
    ),
    # inbox.sweep: done rows past their time
    Index("ix_updates_done_at", "done_at"),
)
feeds = Table("feeds", metadata, _Feeds)
articles = Table(
    "articles",
    metadata,
    _Articles,
    # articles.of_storm: what an editor decides about; articles.recent: what was seen lately
    Index("ix_articles_storm_id", "storm_id"),
    Index("ix_articles_seen_at", "seen_at"),
)
article_identities = Table("article_identities", metadata, _ArticleIdentities)
storms = Table("storms", metadata, _Storms)
recipients = Table("recipients", metadata, _Recipients, Index("ix_recipients_chat_id", "chat_id"))
chats = Table(
    "chats",
    metadata,
    _Chats,
    # outbox.expand: the next page of a lane's audience
    Index("ix_chats_audience", "lane", "active", "recipient_id"),
)
broadcasts = Table(
    "broadcasts",
    metadata,
    _Broadcasts,
    # outbox.expand: the few broadcasts with pages left
    Index("ix_broadcasts_open", "lane", "id", sqlite_where=text("expanded = 0"), postgresql_where=text("NOT expanded")),
    # outgoing.correct: the broadcasts of an article
    Index("ix_broadcasts_article_id", "article_id"),
    # outbox.raise_versions: the few broadcasts whose copies do not all know the newest version
    Index(
        "ix_broadcasts_correcting",
        "id",
        sqlite_where=text("correction_cursor IS NOT NULL"),
        postgresql_where=text("correction_cursor IS NOT NULL"),
    ),
)
deliveries = Table("deliveries", metadata, _Deliveries, UniqueConstraint("broadcast_id", "recipient_id"))
messages = Table(
    "messages",
    metadata,
    _Messages,
    UniqueConstraint("delivery_id", "part"),
    # outbox.first_sends: what waits, lane by lane in the order it was made
    Index(
        "ix_messages_waiting",
        "lane",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    # outbox.first_sends: is anything earlier still open in this chat? and cancelling what waits for a chat
    Index(
        "ix_messages_open",
        "recipient_id",
        "lane",
        "broadcast_id",
        sqlite_where=text("state IN ('waiting', 'sending')"),
        postgresql_where=text("state IN ('waiting', 'sending')"),
    ),
    # outbox.corrections: copies behind their wanted version
    Index(
        "ix_messages_behind",
        "id",
        sqlite_where=text("state = 'sent' AND wanted_version > sent_version"),
        postgresql_where=text("state = 'sent' AND wanted_version > sent_version"),
    ),
    # outbox.raise_versions: the copies of a broadcast, page by page
    Index("ix_messages_broadcast", "broadcast_id", "recipient_id"),
    # chats.migrate, chats.connect: what was sent to a chat; and no better choice than the one above for what is open
    Index("ix_messages_recipient_id_state", "recipient_id", "state"),
)
message_items = Table("message_items", metadata, _MessageItems)
