"""A DS that somebody has to hand over, in words: for the run that asks for it, and for the status until it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from danelaw.core.dnssec.delegation_records import ds_text
from danelaw.core.dnssec.keys import DS
from danelaw.core.model import RRset
from danelaw.core.rollover.actions import SubmitDS

BY_CDS: Final = "The zone asks for it by CDS records: a parent that looks for these needs no more."


def asked(change: SubmitDS) -> str:
    """What is to be done with the records that follow."""
    these = "this DS" if len(_wanted(change)) == 1 else "these DS records"
    return f"give {these} of {change.zone} to your registrar{_beside(change)}"


def todo(change: SubmitDS) -> str:
    """As ``asked``, for a list of what to do next: the records themselves are told elsewhere."""
    tags = list(dict.fromkeys(str(ds.tag) for ds in _wanted(change)))
    keys = f"key {tags[0]}" if len(tags) == 1 else f"keys {' and '.join(tags)}"
    then = "each run looks whether it is there"
    return f"give the DS of {keys} to the registrar of {change.zone}{_beside(change)}; {then}"


def lines(change: SubmitDS) -> Sequence[str]:
    """The records, one a line, in master-file form."""
    return [f"{change.zone} IN DS {ds_text(ds)}" for ds in _wanted(change)]


def _wanted(change: SubmitDS) -> Sequence[DS]:
    rdatas = sorted(change.replace.rdatas) if isinstance(change.replace, RRset) else []
    return [DS.from_rdata(rdata) for rdata in rdatas]


def _beside(change: SubmitDS) -> str:
    """What becomes of those which the parent has."""
    there = change.expect.rdatas if isinstance(change.expect, RRset) else frozenset()
    if not there:
        return ", as its parent has none yet"
    return ", in place of the one there" if len(there) == 1 else f", in place of the {len(there)} there"
