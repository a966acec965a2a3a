"""Who has to do with whom is found without folding everything; what is recorded already is read for it once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("store") as store:
        store.add_column(sa.Column("led", sa.Integer, nullable=False, server_default="0"))
        store.add_column(sa.Column("dated", sa.Integer, nullable=True))
    op.create_table(
        "leads",
        sa.Column("subject", sa.Integer, sa.ForeignKey("subjects.id"), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
