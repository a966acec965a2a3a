"""Facts, what they say, their subjects and leases."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    store = op.create_table(
        "store",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("clock_set", sa.Integer, nullable=False),
    )
    op.create_table(
        "subjects",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("token", sa.Integer, nullable=False),
    )
    op.create_table(
        "bodies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("form", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    )
    op.create_table(
        "facts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("subject", sa.Integer, sa.ForeignKey("subjects.id"), nullable=False),
        sa.Column("clock_set", sa.Integer, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("body", sa.Integer, sa.ForeignKey("bodies.id"), nullable=False),
        sqlite_autoincrement=True,
    )
    op.bulk_insert(store, [{"identity": secrets.token_hex(16), "clock_set": 0}])
