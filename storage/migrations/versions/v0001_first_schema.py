"""The first schema."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("body_hash", sa.String(length=64), nullable=True),
        sa.Column("first_read_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("failing_since", UtcDateTime(timezone=True), nullable=True),
        sa.Column("next_due_utc", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("url", name=op.f("uq_feeds_url")),
    )
    op.create_table(
        "recipients",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=True),
        sa.Column("sealed_id", sa.LargeBinary(), nullable=True),
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("not_before", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipients")),
        sa.UniqueConstraint("lookup", name=op.f("uq_recipients_lookup")),
    )
    op.create_index("ix_recipients_chat_id", "recipients", ["chat_id"], unique=False)
    op.create_table(
        "settings",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings")),
    )
    op.create_table(
        "updates",
        sa.Column("arrived", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("bot_id", sa.BigInteger(), nullable=False),
        sa.Column("update_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("order_key", sa.String(length=64), nullable=False),
        sa.Column("poll_id", sa.String(length=64), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcDateTime(timezone=True), nullable=False),
        sa.Column("done_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("put_aside", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("arrived", name=op.f("pk_updates")),
        sa.UniqueConstraint("bot_id", "update_id", name=op.f("uq_updates_bot_id_update_id")),
    )
    op.create_index("ix_updates_done_at", "updates", ["done_at"], unique=False)
    op.create_index(
        "ix_updates_waiting",
        "updates",
        ["arrived"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "articles",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("feed_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("identity", sa.String(length=2000), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("lead", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("published", UtcDateTime(timezone=True), nullable=True),
        sa.Column("seen_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_articles_feed_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
        sa.UniqueConstraint("identity", name=op.f("uq_articles_identity")),
    )
    op.create_table(
        "chats",
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("from_broadcast", sa.BigInteger(), nullable=False),
        sa.Column("off_because", sa.String(length=200), nullable=True),
        sa.Column("linked_chat_id", sa.BigInteger(), nullable=True),
        sa.Column("added_by", sa.BigInteger(), nullable=True),
        sa.Column("connected_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipients.id"], name=op.f("fk_chats_recipient_id")),
        sa.PrimaryKeyConstraint("recipient_id", name=op.f("pk_chats")),
    )
    op.create_index("ix_chats_audience", "chats", ["lane", "active", "recipient_id"], unique=False)
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("article_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("expanded", sa.Boolean(), nullable=False),
        sa.Column("correction_cursor", sa.BigInteger(), nullable=True),
        sa.Column("made_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_broadcasts_article_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
    )
    op.create_index("ix_broadcasts_article_id", "broadcasts", ["article_id"], unique=False)
    op.create_index(
        "ix_broadcasts_correcting",
        "broadcasts",
        ["id"],
        unique=False,
        sqlite_where=sa.text("correction_cursor IS NOT NULL"),
        postgresql_where=sa.text("correction_cursor IS NOT NULL"),
    )
    op.create_index(
        "ix_broadcasts_open",
        "broadcasts",
        ["lane", "id"],
        unique=False,
        sqlite_where=sa.text("expanded = 0"),
        postgresql_where=sa.text("NOT expanded"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("broadcast_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["broadcast_id"], ["broadcasts.id"], name=op.f("fk_deliveries_broadcast_id")),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipients.id"], name=op.f("fk_deliveries_recipient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("broadcast_id", "recipient_id", name=op.f("uq_deliveries_broadcast_id_recipient_id")),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("broadcast_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=True),
        sa.Column("after", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("wanted_version", sa.Integer(), nullable=False),
        sa.Column("sending_version", sa.Integer(), nullable=True),
        sa.Column("sent_version", sa.Integer(), nullable=True),
        sa.Column("telegram_id", sa.BigInteger(), nullable=True),
        sa.Column("more_ids", sa.Text(), nullable=True),
        sa.Column("pin_state", sa.String(length=10), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcDateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_messages_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("delivery_id", "part", name=op.f("uq_messages_delivery_id_part")),
    )
    op.create_index(
        "ix_messages_behind",
        "messages",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'sent' AND wanted_version > sent_version"),
        postgresql_where=sa.text("state = 'sent' AND wanted_version > sent_version"),
    )
    op.create_index("ix_messages_broadcast", "messages", ["broadcast_id", "recipient_id"], unique=False)
    op.create_index(
        "ix_messages_open",
        "messages",
        ["recipient_id", "lane", "broadcast_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.create_index("ix_messages_recipient_id_state", "messages", ["recipient_id", "state"], unique=False)
    op.create_index(
        "ix_messages_waiting",
        "messages",
        ["lane", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "message_items",
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_message_items_article_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_message_items_message_id")),
        sa.PrimaryKeyConstraint("message_id", "article_id", name=op.f("pk_message_items")),
    )


def downgrade() -> None:
    op.drop_table("message_items")
    op.drop_index(
        "ix_messages_waiting",
        table_name="messages",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index("ix_messages_recipient_id_state", table_name="messages")
    op.drop_index(
        "ix_messages_open",
        table_name="messages",
        sqlite_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.drop_index("ix_messages_broadcast", table_name="messages")
    op.drop_index(
        "ix_messages_behind",
        table_name="messages",
        sqlite_where=sa.text("state = 'sent' AND wanted_version > sent_version"),
        postgresql_where=sa.text("state = 'sent' AND wanted_version > sent_version"),
    )
    op.drop_table("messages")
    op.drop_table("deliveries")
    op.drop_index(
        "ix_broadcasts_open",
        table_name="broadcasts",
        sqlite_where=sa.text("expanded = 0"),
        postgresql_where=sa.text("NOT expanded"),
    )
    op.drop_index(
        "ix_broadcasts_correcting",
        table_name="broadcasts",
        sqlite_where=sa.text("correction_cursor IS NOT NULL"),
        postgresql_where=sa.text("correction_cursor IS NOT NULL"),
    )
    op.drop_index("ix_broadcasts_article_id", table_name="broadcasts")
    op.drop_table("broadcasts")
    op.drop_index("ix_chats_audience", table_name="chats")
    op.drop_table("chats")
    op.drop_table("articles")
    op.drop_index(
        "ix_updates_waiting",
        table_name="updates",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_index("ix_updates_done_at", table_name="updates")
    op.drop_table("updates")
    op.drop_table("settings")
    op.drop_index("ix_recipients_chat_id", table_name="recipients")
    op.drop_table("recipients")
    op.drop_table("feeds")
