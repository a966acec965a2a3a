"""What an operator says, recorded while a runner may be at work: the pass that is on heeds it, and each from then on.

Whoever records takes the subject's lease. A pass that loses it begins again; and should a pass take it away in turn, it
is taken once more.
"""

from __future__ import annotations

from typing import Final

from danelaw.core.model import DanelawError, SubjectName
from danelaw.core.rollover.facts import Fact
from danelaw.ports import Store

_TRIES: Final = 20
"""More than a pass takes leases."""


async def record(store: Store, subject: SubjectName, *words: Fact) -> None:
    """Raises ``DanelawError``: ``LEASE_LOST`` where others take the lease again and again, and as the store does."""
    for left in reversed(range(_TRIES)):
        lease = await store.lease(subject)
        try:
            await store.append(subject, lease, *words)
        except DanelawError as error:
            if error.code != "LEASE_LOST" or not left:
                raise
        else:
            return
