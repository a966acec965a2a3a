"""All that grows in the garden."""

from __future__ import annotations

from typing import Final

from fault_garden import aliases, delegations, denials, forwarders, hashed_denials, honest, signatures
from fault_garden.damages import Entry

GARDEN: Final[tuple[Entry, ...]] = (
    *honest.ENTRIES,
    *delegations.ENTRIES,
    *signatures.ENTRIES,
    *denials.ENTRIES,
    *hashed_denials.ENTRIES,
    *aliases.ENTRIES,
    *forwarders.ENTRIES,
)
