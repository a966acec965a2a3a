"""A crowd of DANE clients: the lab's witnesses.

Each client stands for one machine in the Internet that fetches ``https://www.dotnxdomain.net/`` again and again, and
honours DANE when it does. It has a validating cache of its own, filled at its own time, and resolves iteratively
from the root's trust anchor (``resolver``), so the crowd as a whole holds every answer that anyone may still hold.
Where the world has validating resolvers for its clients, they ask those instead (``stub``).
A connection ends in one of three ways: *accepted* (over DANE, over PKIX where no TLSA is securely there, or over
plain HTTP where nothing listens for TLS), *refused* with a stable reason, or *no service*.

How one connection goes:

1. The addresses: A and AAAA, every link validated. One address is drawn.
2. The TLSA RRset: before the connection, or after the handshake as browsers do (``Kind.late``).
3. TCP and TLS with SNI; the certificates are taken as presented, nothing is verified by the TLS library.
4. Judgement (``dane``): secure and usable TLSA records decide (RFC 7671); where they are proven absent, or the zone
   is insecure, the roots decide. Whatever is bogus or unanswered refuses.

The crowd judges what Danelaw did, so it shares no code with it: nothing outside this package is imported but
libraries. What it leaves out, on purpose: NSEC3, DNAME, clients that insist on DANE (they refuse any service that has
not published yet), and a server that answers for a child zone and its parent from one address.
"""

from danelaw.worlds.lab.crowd.client import KINDS, Kind
from danelaw.worlds.lab.crowd.crowd import Crowd
from danelaw.worlds.lab.crowd.reasons import Reason
from danelaw.worlds.lab.crowd.tally import Connection, Outcome, Over, Tally

__all__ = ["KINDS", "Connection", "Crowd", "Kind", "Outcome", "Over", "Reason", "Tally"]
