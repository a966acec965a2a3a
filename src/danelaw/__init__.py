"""Danelaw: DNSSEC, a CA certificate and DANE for a TLS service, kept agreeing through every renewal."""

__version__ = "0.1.0"
