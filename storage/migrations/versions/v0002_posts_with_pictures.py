"""Posts with pictures, articles known by several identities, feeds that move, storms that wait for an editor."""

from collections import Counter

import sqlalchemy as sa
from alembic import op

from newsroom.articles import IDENTITY, link_name
from newsroom.pages import site_identity
from storage.columns import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("broadcasts", sa.Column("picture_way", sa.Integer(), server_default="0", nullable=False))
    op.add_column("broadcasts", sa.Column("picture_file", sa.Text(), nullable=True))
    op.add_column("broadcasts", sa.Column("picture_version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("messages", sa.Column("form", sa.String(length=10), nullable=True))
    op.add_column("messages", sa.Column("no_picture", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("articles", sa.Column("image", sa.Text(), nullable=True))
    op.add_column("articles", sa.Column("graphic", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("articles", sa.Column("categories", sa.Text(), server_default="[]", nullable=False))
    op.add_column("articles", sa.Column("storm_id", ID, nullable=True))
    op.create_index("ix_articles_storm_id", "articles", ["storm_id"], unique=False)
    op.create_index("ix_articles_seen_at", "articles", ["seen_at"], unique=False)
    op.add_column("feeds", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column("feeds", sa.Column("moved_to", sa.String(length=2000), nullable=True))
    op.create_table(
        "storms",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("feed_id", ID, nullable=False),
        sa.Column("made_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("decided_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_storms_feed_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storms")),
    )
    op.create_table(
        "article_identities",
        sa.Column("identity", sa.String(length=2000), nullable=False),
        sa.Column("article_id", ID, nullable=False),
        sa.Column("twin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_article_identities_article_id")),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_article_identities")),
    )
    op.execute("INSERT INTO article_identities (identity, article_id) SELECT identity, id FROM articles")
    _also_known_by_address()
    op.execute("UPDATE messages SET form = 'text' WHERE sent_version IS NOT NULL")


def _also_known_by_address() -> None:
    """What was known by one name before is known by its address too, so that nothing is posted again."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, identity, link FROM articles")).all()
    links = Counter(link_name(row.link) for row in rows)
    names = {row.identity: row.id for row in rows}
    added = []
    for row in rows:
        own = [link_name(row.link)] if row.link and links[link_name(row.link)] == 1 else []
        fit = [name for name in (*own, site_identity("news-asia", row.link)) if name and len(name) <= IDENTITY]
        free = [name for name in fit if names.setdefault(name, row.id) == row.id and name != row.identity]
        added += [{"identity": name, "article_id": row.id} for name in free]
    if added:
        connection.execute(
            sa.text("INSERT INTO article_identities (identity, article_id) VALUES (:identity, :article_id)"), added
        )


def downgrade() -> None:
    op.drop_table("article_identities")
    op.drop_table("storms")
    op.drop_index("ix_articles_seen_at", table_name="articles")
    op.drop_index("ix_articles_storm_id", table_name="articles")
    for table, columns in {
        "feeds": ("moved_to", "failures"),
        "articles": ("storm_id", "categories", "graphic", "image"),
        "messages": ("no_picture", "form"),
        "broadcasts": ("picture_version", "picture_file", "picture_way"),
    }.items():
        for column in columns:
            op.drop_column(table, column)
