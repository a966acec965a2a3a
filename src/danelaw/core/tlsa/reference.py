"""What clients of an endpoint know beforehand: the names that they want, the roots that they trust, how they care."""

from __future__ import annotations

from dataclasses import dataclass

from dns.name import Name


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference identity of an endpoint (RFC 9525 §6.1) and the surroundings of its clients.

    ``names``: every name that clients may check, at least one, the preferred base domain first. ``roots``: the trust
    anchors of clients that do PKIX, certificates in DER. ``opportunistic``: SMTP on port 25, where authentication is
    tried only because a TLSA record is there (RFC 7671 §4.1). ``smtp_or_srv``: a protocol whose clients must not
    check names under DANE-EE.
    """

    names: tuple[Name, ...]
    roots: tuple[bytes, ...] = ()
    opportunistic: bool = False
    smtp_or_srv: bool = False

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("a reference needs at least one name")

    @property
    def names_under_dane_ee(self) -> bool:
        """Whether some clients check names under DANE-EE although they need not (RFC 7671 §5.1)."""
        return not (self.opportunistic or self.smtp_or_srv)
