"""OpenSSL's own DANE verifier, called in this process: thousands of cases in seconds, at any time.

What ``ssl_verify_cert_chain`` does with the chain of a handshake is done here with one that is at hand. That this is
what a client does is held to ``openssl s_client`` and real handshakes, in ``contract/test_dane_oracles.py``.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_ubyte, c_uint8, c_ulong, c_void_p
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from danelaw.core.tlsa import TLSARecord

NO_NAMES_UNDER_DANE_EE: Final = 1
"""DANE_FLAG_NO_DANE_EE_NAMECHECKS."""


class LibraryMissingError(Exception):
    """There is no libssl of OpenSSL 3 that could be called."""


@dataclass(frozen=True)
class Judged:
    """``error`` is OpenSSL's, at ``depth``; empty where it accepts, and then ``depth`` is that of the certificate that
    ``record``, in wire form, matched. ``usable``: how many records it would take."""

    accepted: bool
    error: str
    depth: int
    record: bytes | None
    usable: int


_FUNCTIONS: Final[dict[str, dict[str, tuple[Any, ...]]]] = {
    "ssl": {
        "TLS_client_method": (c_void_p,),
        "SSL_CTX_new": (c_void_p, c_void_p),
        "SSL_CTX_dane_enable": (c_int, c_void_p),
        "SSL_new": (c_void_p, c_void_p),
        "SSL_free": (None, c_void_p),
        "SSL_dane_enable": (c_int, c_void_p, c_char_p),
        "SSL_dane_set_flags": (c_ulong, c_void_p, c_ulong),
        "SSL_dane_tlsa_add": (c_int, c_void_p, c_uint8, c_uint8, c_uint8, c_char_p, c_size_t),
        "SSL_get0_dane": (c_void_p, c_void_p),
        "SSL_get0_param": (c_void_p, c_void_p),
        "SSL_get0_dane_authority": (c_int, c_void_p, c_void_p, c_void_p),
        "SSL_get0_dane_tlsa": (
            c_int,
            c_void_p,
            *(POINTER(c_uint8),) * 3,
            POINTER(POINTER(c_ubyte)),
            POINTER(c_size_t),
        ),
    },
    "crypto": {
        "d2i_X509": (c_void_p, c_void_p, POINTER(c_char_p), c_long),
        "OPENSSL_sk_new_null": (c_void_p,),
        "OPENSSL_sk_push": (c_int, c_void_p, c_void_p),
        "OPENSSL_sk_free": (None, c_void_p),
        "X509_STORE_new": (c_void_p,),
        "X509_STORE_add_cert": (c_int, c_void_p, c_void_p),
        "X509_STORE_CTX_new": (c_void_p,),
        "X509_STORE_CTX_free": (None, c_void_p),
        "X509_STORE_CTX_init": (c_int, c_void_p, c_void_p, c_void_p, c_void_p),
        "X509_STORE_CTX_set_default": (c_int, c_void_p, c_char_p),
        "X509_STORE_CTX_get0_param": (c_void_p, c_void_p),
        "X509_STORE_CTX_set0_dane": (None, c_void_p, c_void_p),
        "X509_STORE_CTX_get_error": (c_int, c_void_p),
        "X509_STORE_CTX_get_error_depth": (c_int, c_void_p),
        "X509_VERIFY_PARAM_set1": (c_int, c_void_p, c_void_p),
        "X509_VERIFY_PARAM_set_time": (None, c_void_p, c_long),
        "X509_VERIFY_PARAM_set_auth_level": (None, c_void_p, c_int),
        "X509_verify_cert": (c_int, c_void_p),
        "X509_verify_cert_error_string": (c_char_p, c_long),
        "ERR_clear_error": (None,),
    },
}
_SECURITY_LEVEL: Final = 2  # as Debian's programs have it


class LibSSL:
    """Raises ``LibraryMissingError`` where there is none."""

    def __init__(self) -> None:
        self._call: dict[str, ctypes._NamedFuncPointer] = {}
        for library, functions in _FUNCTIONS.items():
            found = ctypes.util.find_library(library)
            if found is None:
                raise LibraryMissingError(library)
            loaded = ctypes.CDLL(found)
            for name, (gives, *takes) in functions.items():
                try:
                    function = getattr(loaded, name)
                except AttributeError as error:
                    raise LibraryMissingError(f"{found} has no {name}") from error
                function.restype, function.argtypes = gives, takes
                self._call[name] = function
        self._context = self._call["SSL_CTX_new"](self._call["TLS_client_method"]())  # kept while the process lives
        assert self._call["SSL_CTX_dane_enable"](self._context) > 0
        self._read: dict[bytes, int] = {}
        self._stores: dict[tuple[bytes, ...], int] = {}

    def judge(
        self,
        records: Sequence[TLSARecord],
        ders: Sequence[bytes],
        host: str,
        roots: Sequence[bytes],
        at: datetime,
        flags: int = 0,
    ) -> Judged:
        """What a client of OpenSSL says of a chain, the leaf first, for ``host`` at that time."""
        call = self._call
        call["ERR_clear_error"]()
        sent, store = [self._certificate(der) for der in ders], self._store(tuple(roots))
        with self._connection(host, flags) as ssl:
            usable = sum(self._add(ssl, record) for record in records)
            untrusted = call["OPENSSL_sk_new_null"]()
            for one in sent:
                call["OPENSSL_sk_push"](untrusted, one)
            context = call["X509_STORE_CTX_new"]()
            try:
                assert call["X509_STORE_CTX_init"](context, store, sent[0], untrusted)
                call["X509_STORE_CTX_set0_dane"](context, call["SSL_get0_dane"](ssl))
                call["X509_STORE_CTX_set_default"](context, b"ssl_server")
                parameters = call["X509_STORE_CTX_get0_param"](context)
                call["X509_VERIFY_PARAM_set1"](parameters, call["SSL_get0_param"](ssl))
                call["X509_VERIFY_PARAM_set_time"](parameters, int(at.timestamp()))
                call["X509_VERIFY_PARAM_set_auth_level"](parameters, _SECURITY_LEVEL)
                accepted = call["X509_verify_cert"](context) > 0
                error = call["X509_STORE_CTX_get_error"](context)
                depth = call["X509_STORE_CTX_get_error_depth"](context)
                matched, record = self._matched(ssl) if accepted else (depth, None)
            finally:
                call["X509_STORE_CTX_free"](context)
                call["OPENSSL_sk_free"](untrusted)
        said = "" if accepted else (call["X509_verify_cert_error_string"](error) or b"").decode("ascii")
        return Judged(accepted, said, matched, record, usable)

    def _add(self, ssl: int, record: TLSARecord) -> bool:
        """Whether it can use the record."""
        parameters = record.combination
        numbers = (parameters.usage, parameters.selector, parameters.mtype)
        added: int = self._call["SSL_dane_tlsa_add"](ssl, *numbers, record.data, len(record.data))
        return added > 0

    def _matched(self, ssl: int) -> tuple[int, bytes | None]:
        """At which depth, by which record; -1 and None where DANE had no say."""
        depth: int = self._call["SSL_get0_dane_authority"](ssl, None, None)
        if depth < 0:
            return depth, None
        usage, selector, mtype = c_uint8(), c_uint8(), c_uint8()
        data, length = POINTER(c_ubyte)(), c_size_t()
        self._call["SSL_get0_dane_tlsa"](ssl, byref(usage), byref(selector), byref(mtype), byref(data), byref(length))
        return depth, bytes((usage.value, selector.value, mtype.value)) + bytes(data[: length.value])

    @contextmanager
    def _connection(self, host: str, flags: int) -> Iterator[int]:
        ssl = self._call["SSL_new"](self._context)
        try:
            assert self._call["SSL_dane_enable"](ssl, host.encode("ascii")) > 0
            self._call["SSL_dane_set_flags"](ssl, flags)
            yield ssl
        finally:
            self._call["SSL_free"](ssl)

    def _certificate(self, der: bytes) -> int:
        """A pointer to it; the same again for the same."""
        if der not in self._read:
            self._read[der] = self._call["d2i_X509"](None, byref(c_char_p(der)), len(der))
            assert self._read[der]
        return self._read[der]

    def _store(self, roots: tuple[bytes, ...]) -> int:
        if roots not in self._stores:
            store = self._stores[roots] = self._call["X509_STORE_new"]()
            for root in roots:
                self._call["X509_STORE_add_cert"](store, self._certificate(root))
        return self._stores[roots]
