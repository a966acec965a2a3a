"""Facts of some subjects are found without going through those of all others."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index("facts_of_subject", "facts", ["subject", "number"])
    op.create_index("repeats_of_subject", "repeats", ["subject", "number"])
