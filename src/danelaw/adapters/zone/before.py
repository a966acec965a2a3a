"""How a zone was signed before: what an edit by hand keeps to, whoever set it up."""

from __future__ import annotations

from collections.abc import Mapping

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.signer import look
from danelaw.adapters.zone.signing import Signing, ZoneFile
from danelaw.adapters.zone.state import read_state
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.model import RRset


def signed_before(files: ZoneFile, apex: Name) -> Signing | None:
    """As the last signing left word of; failing that, as the served zone shows; None where there is neither."""
    state = read_state(files.state)
    if not isinstance(state, str) and state.asked is not None:
        return state.asked
    rrsets = look(files, apex).rrsets
    if not rrsets or (apex, int(T.DNSKEY)) not in rrsets:
        return None
    return Signing(_chain(apex, rrsets), (apex, int(T.ZONEMD)) in rrsets)


def _chain(apex: Name, rrsets: Mapping[tuple[Name, int], RRset]) -> NSEC3Chain | None:
    """As NSEC3PARAM says (RFC 5155 §4); opt-out is in the flags of the chain itself (§3.1.2.1)."""
    param = rrsets.get((apex, int(T.NSEC3PARAM)))
    if param is None:
        return None
    rdata = min(param.rdatas)
    flags = (rdata[1] for rrset in rrsets.values() if rrset.type == T.NSEC3 for rdata in rrset.rdatas)
    return NSEC3Chain(rdata[5 : 5 + rdata[4]], int.from_bytes(rdata[2:4]), any(flag & 1 for flag in flags))
