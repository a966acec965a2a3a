"""What each kind of client offers: the TLS state of one connection, made by OpenSSL.

These clients look, and trust nobody: no secret goes over their connections, and nothing that comes is acted upon. So
they take what careful clients would not, such as small keys and SHA-1 (OpenSSL's security level 0), and say what they
saw. Versions before TLS 1.2 are not offered all the same: clients that honour DANE have left them behind.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from dns.name import Name
from OpenSSL import SSL

from danelaw.adapters.probe.failures import Heard
from danelaw.adapters.probe.sigalgs import restrict
from danelaw.core.model import DanelawError, Hello, KeyAlgorithm, TLSVersion

_PROTOCOLS: Final = {TLSVersion.TLS12: SSL.TLS1_2_VERSION, TLSVersion.TLS13: SSL.TLS1_3_VERSION}


def client(hello: Hello) -> SSL.Connection:
    """A client that offers what ``hello`` says, before it has said anything.

    Raises ``DanelawError``: SNI_UNUSABLE, SIGALGS_UNSUPPORTED.
    """
    return _connection(_context(hello.version, hello.algorithm), hello.sni)


def outdated_client(sni: Name | None) -> SSL.Connection:
    """One that offers TLS 1.0 and 1.1 alone, to learn whether a server is that old. Raises as ``client`` does."""
    return _connection(_outdated(), sni)


def heard_by(tls: SSL.Connection) -> Heard:
    """What this client notes of what it hears."""
    heard: Heard = tls.get_app_data()
    return heard


def _connection(context: SSL.Context, sni: Name | None) -> SSL.Connection:
    tls = SSL.Connection(context, None)
    tls.set_app_data(Heard())
    if sni is not None and sni.labels[:-1]:
        tls.set_tlsext_host_name(_server_name(sni))
    tls.set_connect_state()
    return tls


@lru_cache(maxsize=16)
def _context(version: TLSVersion | None, algorithm: KeyAlgorithm | None) -> SSL.Context:
    context = _looking()
    context.set_min_proto_version(_PROTOCOLS[version or TLSVersion.TLS12])
    if version is not None:
        context.set_max_proto_version(_PROTOCOLS[version])
    if algorithm is not None:
        restrict(context, algorithm, version)
    return context


@lru_cache(maxsize=1)
def _outdated() -> SSL.Context:
    context = _looking()
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_max_proto_version(SSL.TLS1_1_VERSION)
    return context


def _looking() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
    context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)  # nothing is asked that a renegotiation could be slipped before
    context.set_verify(SSL.VERIFY_NONE)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # a resumed session presents no chain
    context.set_info_callback(_note_alert)
    return context


def _note_alert(tls: SSL.Connection, where: int, code: int) -> None:
    if where == SSL.SSL_CB_READ_ALERT:
        heard_by(tls).alerts.append(code & 0xFF)


def _server_name(sni: Name) -> bytes:
    """The name as the extension carries it: without the final dot (RFC 6066 §3)."""
    labels = sni.labels[:-1]
    if any(b"\0" in label or b"." in label for label in labels):
        raise DanelawError("SNI_UNUSABLE", f"{sni} is a name in the DNS but not of a host that TLS can ask for")
    return b".".join(labels)
