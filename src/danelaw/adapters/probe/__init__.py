"""What servers present, asked from outside."""

from danelaw.adapters.probe.tls import TLSProber

__all__ = ["TLSProber"]
