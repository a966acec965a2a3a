"""The tables of the store, as the newest migration leaves them.

A fact is a row of ``facts``, never changed: of whom, when, and what it says. What it says is a row of ``bodies``, which
stands there once however often it is told: years of passes that see the same are a few octets each.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, MetaData, Table, Text

REVISIONS: Final = ("0001",)
"""Every migration, oldest first."""

metadata: Final = MetaData()

store: Final = Table(
    "store",
    metadata,
    Column("identity", Text, primary_key=True),  # random: tells this store from another one
    Column("clock_set", Integer, nullable=False),  # how often the wall clock was set (ClockRead)
)

subjects: Final = Table(
    "subjects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("token", Integer, nullable=False),  # of the newest lease
)

bodies: Final = Table(
    "bodies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),  # the class of the fact
    Column("form", Integer, nullable=False),  # codec.FORM when it was written
    Column("text", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),  # SHA-256 of kind, form and text
)

facts: Final = Table(
    "facts",
    metadata,
    Column("number", Integer, primary_key=True),  # in the order of appends, never used again
    Column("subject", Integer, ForeignKey("subjects.id"), nullable=False),
    Column("clock_set", Integer, nullable=False),  # as of when it was appended: orders before ``at``
    Column("at", Integer, nullable=False),  # microseconds since 1970
    Column("body", Integer, ForeignKey("bodies.id"), nullable=False),
    sqlite_autoincrement=True,
)
