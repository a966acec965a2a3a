"""What is seen again takes a few octets; folds are kept, so that a pass need not read all that ever was."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("store") as store:
        store.add_column(sa.Column("numbers", sa.Integer, nullable=False, server_default="0"))
        store.add_column(sa.Column("tended", sa.Integer, nullable=False, server_default="0"))
    with op.batch_alter_table("subjects") as subjects:
        subjects.add_column(sa.Column("seen", sa.LargeBinary, nullable=False, server_default=sa.text("x''")))
    with op.batch_alter_table("facts") as facts:
        facts.create_index("facts_in_order", ["clock_set", "at"])
    op.create_table(
        "repeats",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("subject", sa.Integer, sa.ForeignKey("subjects.id"), nullable=False),
        sa.Column("clock_set", sa.Integer, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("again", sa.LargeBinary, nullable=False),
    )
    op.create_index("repeats_in_order", "repeats", ["clock_set", "at"])
    op.create_table(
        "folds",
        sa.Column("subjects", sa.LargeBinary, primary_key=True),
        sa.Column("made_by", sa.LargeBinary, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("clock_set", sa.Integer, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
    )
    op.execute("UPDATE store SET numbers = (SELECT coalesce(max(number), 0) FROM facts)")
