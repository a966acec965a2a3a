"""The tables of the store, as the newest migration leaves them.

Facts are never changed. One that says something new is a row of ``facts``; what a pass saw again, as the pass before
had seen it, is a few octets of a row of ``repeats``. What facts say is a row of ``bodies``, which stands there once
however often it is told. So years of passes stay small, and what happened is found without going through all of them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""Every migration, oldest first."""

metadata: Final = MetaData()

store: Final = Table(
    "store",
    metadata,
    Column("identity", Text, primary_key=True),  # random: tells this store from another one
    Column("clock_set", Integer, nullable=False),  # how often the wall clock was set (ClockRead)
    Column("numbers", Integer, nullable=False),  # the number of the last fact; none is used again
    Column("tended", Integer, nullable=False),  # when it was last put in order, in microseconds since 1970
    Column("led", Integer, nullable=False),  # the number of the last fact that ``leads`` has been made of
    Column("dated", Integer, nullable=True),  # of which subject another clock's time was told last, up to that fact
)

subjects: Final = Table(
    "subjects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("token", Integer, nullable=False),  # of the newest lease
    Column("seen", LargeBinary, nullable=False),  # the bodies that its last pass told: sql_log.SEEN
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
    Column("number", Integer, primary_key=True),  # in the order of appends, of the whole store
    Column("subject", Integer, ForeignKey("subjects.id"), nullable=False),
    Column("clock_set", Integer, nullable=False),  # as of when it was appended: orders before ``at``
    Column("at", Integer, nullable=False),  # microseconds since 1970
    Column("body", Integer, ForeignKey("bodies.id"), nullable=False),
    Index("facts_in_order", "clock_set", "at"),
    Index("facts_of_subject", "subject", "number"),
    sqlite_autoincrement=True,
)

repeats: Final = Table(
    "repeats",
    metadata,
    Column("number", Integer, primary_key=True),  # of the last fact in it
    Column("subject", Integer, ForeignKey("subjects.id"), nullable=False),
    Column("clock_set", Integer, nullable=False),
    Column("at", Integer, nullable=False),  # of the last instant in it
    Column("again", LargeBinary, nullable=False),  # sql_log.AGAIN, one after the other
    Index("repeats_in_order", "clock_set", "at"),
    Index("repeats_of_subject", "subject", "number"),
)

leads: Final = Table(
    "leads",
    metadata,
    Column("subject", Integer, ForeignKey("subjects.id"), primary_key=True),
    Column("kind", Text, primary_key=True),  # which field of ``core.rollover.leads.Leads``
    Column("name", Text, primary_key=True),
    sqlite_with_rowid=False,
)
"""To which names what was ever recorded of a subject leads: an index of the facts."""

folds: Final = Table(
    "folds",
    metadata,
    Column("subjects", LargeBinary, primary_key=True),  # SHA-256 of their names
    Column("made_by", LargeBinary, nullable=False),  # SHA-256 of version, limits, classes: others are of no use
    Column("number", Integer, nullable=False),  # of the last fact that was there when it was made
    Column("clock_set", Integer, nullable=False),  # what comes before this place in the order is in it
    Column("at", Integer, nullable=False),
    Column("text", LargeBinary, nullable=False),  # compressed by zlib
)
"""Folds as of some time ago, compacted: nothing but a short cut, made anew from the facts where there is none."""
