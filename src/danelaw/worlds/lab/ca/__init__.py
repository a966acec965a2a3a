"""The lab's certification authority: ACME to the letter, so that what works here works with a public CA.

It speaks RFC 8555 with renewal information (RFC 9773) and certificate profiles (draft-ietf-acme-profiles). It is an
examiner and shares nothing with the issuer that it examines: its own JOSE, its own look at the names through the
world's DNS and HTTP. Its clock and its faults are the lab's to set.

``problem`` how it refuses · ``jws`` who is asking · ``resources`` what it keeps · ``pki`` what it signs with ·
``vantage`` how it looks at a name · ``ordering`` how orders become certificates ·
``service`` what each resource answers · ``exchange`` requests and replies · ``server`` HTTPS around it all.
"""

from danelaw.worlds.lab.ca.server import DEFAULT_PROFILES, AcmeCA

__all__ = ["DEFAULT_PROFILES", "AcmeCA"]
