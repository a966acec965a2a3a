"""Whatever a server says where TLS should be: a probe ends, with one of the outcomes that there are."""

from __future__ import annotations

import socket

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from probe_servers import certificate, der, listening, shake
from probe_words import ALERT, HANDSHAKE, TLS12, presenting, record

from danelaw.core.model import HandshakeFailure

KEY = ec.derive_private_key(7, ec.SECP256R1())
CHAIN = [certificate(name, KEY, "ca", KEY) for name in ("www.example.net", "ca")]
WORDS = presenting(*map(der, CHAIN))
"""As a good server begins; it never finishes, for want of a key exchange."""

_places = st.tuples(st.integers(0, len(WORDS) - 1), st.integers(0, 255))


def _damaged(places: list[tuple[int, int]], end: int) -> bytes:
    words = bytearray(WORDS)
    for place, octet in places:
        words[place] = octet
    return bytes(words[:end])


damaged = st.builds(_damaged, st.lists(_places, max_size=3), st.integers(0, len(WORDS)))
records = st.builds(record, st.sampled_from([20, ALERT, HANDSHAKE, 23, 24]), st.just(TLS12), st.binary(max_size=80))
codes = {"CLOSED", "PROTOCOL", "TLS_ALERT"}


def test_any_octets_end_in_a_failure_with_a_code() -> None:
    said = b""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with listening(serve) as prober:

        @settings(max_examples=150, deadline=None)
        @given(st.one_of(st.binary(max_size=200), damaged, st.lists(records, max_size=4).map(b"".join)))
        @example(WORDS)
        @example(b"")
        def any_octets(words: bytes) -> None:
            nonlocal said
            said = words
            got = shake(prober)
            assert isinstance(got, HandshakeFailure), got
            assert got.code in codes
            assert got.detail

        any_octets()
