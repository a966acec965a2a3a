"""What servers present, asked from outside."""

from danelaw.adapters.probe.tls import Handshake, TLSProber

__all__ = ["Handshake", "TLSProber"]
