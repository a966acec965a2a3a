"""Asking a server for the credential of one key algorithm.

A TLS 1.3 server chooses its certificate by the client's signature algorithms alone (RFC 8446 §4.2.3, §4.4.2.2), and
the ``ssl`` of Python 3.11 cannot set those. OpenSSL can, and pyOpenSSL's bindings carry the call, though pyOpenSSL
has no method for it. This module is the only one that reaches for it: there in ``cryptography`` 45 to 50 with
``pyOpenSSL`` 25 and 26, and checked when it is used.
"""

from __future__ import annotations

from typing import Final

from OpenSSL import SSL
from OpenSSL._util import lib

from danelaw.core.model import DanelawError, KeyAlgorithm, TLSVersion

_ECDSA: Final = ("ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512", "ecdsa_sha1")
_EDDSA: Final = ("ed25519", "ed448")
_RSA_PSS: Final = (
    "rsa_pss_rsae_sha256",
    "rsa_pss_rsae_sha384",
    "rsa_pss_rsae_sha512",
    "rsa_pss_pss_sha256",
    "rsa_pss_pss_sha384",
    "rsa_pss_pss_sha512",
)
_RSA_PKCS1: Final = ("rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512", "rsa_pkcs1_sha1")

_CIPHERS: Final = {
    KeyAlgorithm.ECDSA: b"DEFAULT:!aRSA",
    KeyAlgorithm.EDDSA: b"DEFAULT:!aRSA",  # its suites are those of ECDSA
    KeyAlgorithm.RSA: b"DEFAULT:!aECDSA",
}


def signature_algorithms(algorithm: KeyAlgorithm, version: TLSVersion | None) -> tuple[str, ...]:
    """What to offer so that only a key of ``algorithm`` can answer, while the CA's signatures may be of any kind.

    The list also tells the server which signatures the certificates themselves may bear, and some servers withhold a
    chain for that. PKCS #1 in TLS 1.3 is for certificates only (RFC 8446 §4.2.3), so that ECDSA and EdDSA keys
    under RSA CAs can be asked for safely. In TLS 1.2 the cipher suites tell RSA keys from the others, and anything may
    be offered for the rest. An RSA or EdDSA key under an ECDSA CA in TLS 1.3 cannot be told apart that way: a server
    that is strict about it withholds it.
    SHA-1 comes last, for TLS 1.2 servers that have nothing else: what is weak is to be seen, not to be missed.
    """
    if algorithm is KeyAlgorithm.ECDSA:
        return (*_ECDSA, *_RSA_PKCS1)
    if algorithm is KeyAlgorithm.EDDSA:
        return (*_EDDSA, *_RSA_PKCS1)
    rsa = (*_RSA_PSS, *_RSA_PKCS1)
    return (*rsa, *_ECDSA) if version is TLSVersion.TLS12 else rsa


def restrict(context: SSL.Context, algorithm: KeyAlgorithm, version: TLSVersion | None) -> None:
    """Makes connections of ``context`` accept a server key of ``algorithm`` only.

    TLS 1.2 is held by the cipher suites' authentication, TLS 1.3 by the signature algorithms. Raises
    ``DanelawError("SIGALGS_UNSUPPORTED")`` where this installation cannot.
    """
    set_list = getattr(lib, "SSL_CTX_set1_sigalgs_list", None)
    offered = ":".join(signature_algorithms(algorithm, version)).encode()
    if set_list is None or set_list(context._context, offered) != 1:
        raise DanelawError(
            "SIGALGS_UNSUPPORTED",
            "this installation cannot ask a server for its certificate of one key algorithm",
            evidence=f"{SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()}: SSL_CTX_set1_sigalgs_list"
            + (" is missing" if set_list is None else f" refused {offered.decode()}"),
            hint="install the versions of cryptography and pyOpenSSL that Danelaw's lock file names",
        )
    context.set_cipher_list(_CIPHERS[algorithm])
