"""The verifiers of others in their own words, as they stood in the lab's real world: ldns-dane 1.8.3, GnuTLS danetool
3.7.9, delv of BIND 9.18.49, OpenSSL 3.0.19 (Debian 12). Only these are made up: a mismatch at one address of two, other
words or none, and 0 without DANE."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from danelaw.worlds.lab.real import readings
from danelaw.worlds.lab.real.oracles import Poll, tallied
from danelaw.worlds.lab.real.readings import Answer, Reading, Validated

ACCEPTED, REFUSED, UNDECIDED = Answer.ACCEPTED, Answer.REFUSED, Answer.UNDECIDED

# -- ldns-dane verify www.dotnxdomain.net 443 --------------------------------------------------------------------------

NO_PKIX: Final = """\
No usable TLSA records were found.
PKIX validation without DANE will be performed.
192.0.2.80 did not dane-validate, because: unable to get local issuer certificate
"""
LDNS_DANE: Final = {
    "a match": (
        *(0, "192.0.2.80 dane-validated successfully\n2001:db8::81 dane-validated successfully\n"),
        *(ACCEPTED, "192.0.2.80 dane-validated successfully"),
    ),
    "a mismatch": (
        *(1, "192.0.2.81 did not dane-validate, because: no matching DANE TLSA records\n"),
        *(REFUSED, "192.0.2.81 did not dane-validate, because: no matching DANE TLSA records"),
    ),
    "a mismatch at one address of two": (
        1,
        "192.0.2.80 dane-validated successfully\n"
        "192.0.2.81 did not dane-validate, because: no matching DANE TLSA records\n",
        *(REFUSED, "192.0.2.81 did not dane-validate, because: no matching DANE TLSA records"),
    ),
    "bogus": (
        *(1, "dane_query: The queried resource records were bogus\n"),
        *(REFUSED, "dane_query: The queried resource records were bogus"),
    ),
    "one address unreachable": (
        *(1, "Could not connect to 192.0.2.80 443\n192.0.2.81 dane-validated successfully\n"),
        *(REFUSED, "Could not connect to 192.0.2.80 443"),
    ),
    "no TLSA": (
        1,
        "Warning! No TLSA records for _443._tcp.www.dotnxdomain.net. were found.\n"
        "PKIX validation without DANE will be performed.\n" + NO_PKIX,
        *(UNDECIDED, "Warning! No TLSA records for _443._tcp.www.dotnxdomain.net. were found."),
    ),
    "no TLSA, nothing listens": (
        1,
        "Warning! No TLSA records for _443._tcp.www.dotnxdomain.net. were found.\n"
        "PKIX validation without DANE will be performed.\n"
        "No usable TLSA records were found.\n"
        "PKIX validation without DANE will be performed.\n"
        "Could not connect to 192.0.2.81 443\n",
        *(UNDECIDED, "Warning! No TLSA records for _443._tcp.www.dotnxdomain.net. were found."),
    ),
    "insecure TLSA": (
        1,
        "Warning! TLSA records for _443._tcp.www.dotnxdomain.net. were found, but were insecure.\n"
        "PKIX validation without DANE will be performed. If you wish to perform DANE\n"
        "even though the RR's are insecure, use the -d option.\n" + NO_PKIX,
        UNDECIDED,
        "Warning! TLSA records for _443._tcp.www.dotnxdomain.net. were found, but were insecure.",
    ),
    "other words": (1, "ldns_resolver_new_frm_file: error\n", REFUSED, "ldns_resolver_new_frm_file: error"),
    "no words": (-11, "", REFUSED, "not a word, and status -11"),
    "0 without DANE": (
        0,
        "192.0.2.80 pkix-validated successfully\n",
        REFUSED,
        "192.0.2.80 pkix-validated successfully",
    ),
}


@pytest.mark.parametrize("case", LDNS_DANE)
def test_ldns_dane(case: str) -> None:
    status, output, answer, because = LDNS_DANE[case]
    assert readings.ldns_dane(status, output) == Reading(answer, because)


# -- danetool --local-dns --check www.dotnxdomain.net --port 443 -------------------------------------------------------

RECORD: Final = """\
_443._tcp.www.dotnxdomain.net. IN TLSA ( 03 01 01 16762e195de3e796a3ae955cb82cc6a325696dde5af3f946b1104f08f02e9fcc )
Certificate usage: Local end-entity (03)
Certificate type:  SubjectPublicKeyInfo (01)
Contents:	  SHA2-256 hash (01)
Data:	      16762e195de3e796a3ae955cb82cc6a325696dde5af3f946b1104f08f02e9fcc

"""


def _looking(before: str, after: str) -> str:
    """Errors come first: only what it says on standard output waits in a buffer."""
    return f"""\
{before}Resolving 'www.dotnxdomain.net:https'...
Obtaining certificate from '2001:db8::81:443'...
{after}"""


QUERYING: Final = "Querying DNS for www.dotnxdomain.net (tcp:443)...\n"
DANETOOL: Final = {
    "a match": (
        *(0, _looking(QUERYING, RECORD + "Verification: Certificate matches. \n")),
        *(ACCEPTED, "Verification: Certificate matches."),
    ),
    "a mismatch": (
        *(1, _looking(QUERYING, RECORD + "Verification: Verification failed. The certificate differs. \n")),
        *(REFUSED, "Verification: Verification failed. The certificate differs."),
    ),
    "bogus": (
        *(1, _looking(QUERYING + "dane_query_tlsa: The DNSSEC signature is invalid.\n", "")),
        *(REFUSED, "dane_query_tlsa: The DNSSEC signature is invalid."),
    ),
    "no address": (
        1,
        "Cannot resolve www.dotnxdomain.net:https: Temporary failure in name resolution\n"
        "Resolving 'www.dotnxdomain.net:https'...\n",
        *(REFUSED, "Cannot resolve www.dotnxdomain.net:https: Temporary failure in name resolution"),
    ),
    "no TLSA": (
        *(1, _looking(QUERYING + "dane_query_tlsa: No DANE data were found.\n", "")),
        *(UNDECIDED, "dane_query_tlsa: No DANE data were found."),
    ),
    "insecure TLSA": (
        *(1, _looking(QUERYING + "dane_query_tlsa: No DNSSEC signature was found.\n", "")),
        *(UNDECIDED, "dane_query_tlsa: No DNSSEC signature was found."),
    ),
    "nothing listens, so it does not ask": (
        *(1, _looking("Could not connect to 192.0.2.80:443: Connection refused\n", "")),
        *(UNDECIDED, "Could not connect to 192.0.2.80:443: Connection refused"),
    ),
    "no words": (1, "", REFUSED, "not a word, and status 1"),
}


@pytest.mark.parametrize("case", DANETOOL)
def test_danetool(case: str) -> None:
    status, output, answer, because = DANETOOL[case]
    assert readings.danetool(status, output) == Reading(answer, because)


# -- delv +nosplit +nodnssec _443._tcp.www.dotnxdomain.net. TLSA -------------------------------------------------------

TLSA: Final = "3 1 1 16762E195DE3E796A3AE955CB82CC6A325696DDE5AF3F946B1104F08F02E9FCC"
OTHER: Final = "3 1 1 71D68B2DED01590AA0A4E79E1BB9E452B372BDF85C9F62CBE336384599F8DF0A"
NO_TLSA: Final = "; _443._tcp.www.dotnxdomain.net. 1 IN\t\\-ANY\t;-$NXDOMAIN\n"
DELV: Final = {
    "secure records": (
        "; fully validated\n"
        f"_443._tcp.www.dotnxdomain.net. 1 IN\tTLSA\t{TLSA}\n_443._tcp.www.dotnxdomain.net. 1 IN\tTLSA\t{OTHER}\n",
        Validated((TLSA, OTHER)),
    ),
    "insecure records": (
        f"; unsigned answer\n_443._tcp.www.dotnxdomain.net. 1 IN\tTLSA\t{TLSA}\n",
        Reading(UNDECIDED, "delv: ; unsigned answer"),
    ),
    "a secure denial": (
        f";; resolution failed: ncache nxdomain\n; negative response, fully validated\n{NO_TLSA}",
        Reading(UNDECIDED, "delv: ; negative response, fully validated"),
    ),
    "an insecure denial": (
        f";; resolution failed: ncache nxdomain\n; negative response, unsigned answer\n{NO_TLSA}",
        Reading(UNDECIDED, "delv: ; negative response, unsigned answer"),
    ),
    "bogus, or no answer": (
        ";; resolution failed: failure\n",
        Reading(REFUSED, "delv: ;; resolution failed: failure"),
    ),
    "no words": ("", Reading(REFUSED, "delv: not a word, and status 0")),
}


@pytest.mark.parametrize("case", DELV)
def test_delv(case: str) -> None:
    output, read = DELV[case]
    assert readings.delv(output) == read


# -- openssl s_client -dane_tlsa_domain … -dane_tlsa_rrdata … -verify_return_error -brief ------------------------------

ESTABLISHED: Final = """\
CONNECTION ESTABLISHED
Protocol version: TLSv1.3
Ciphersuite: TLS_AES_256_GCM_SHA384
Peer certificate: CN = www.dotnxdomain.net
Hash used: SHA256
Signature type: ECDSA
Verification: OK
"""
S_CLIENT: Final = {
    "a match": (
        0,
        f"{ESTABLISHED}DANE TLSA 3 1 1 ...5af3f946b1104f08f02e9fcc matched EE certificate at depth 0\n"
        "Server Temp Key: X25519, 253 bits\nDONE\n",
        *(ACCEPTED, "DANE TLSA 3 1 1 ...5af3f946b1104f08f02e9fcc matched EE certificate at depth 0"),
    ),
    "a bare key in DNS that issued the leaf": (
        0,
        f"{ESTABLISHED}DANE TLSA 2 1 0 ...aba2d2ec71591527da3cac9a signed the certificate at depth 0\nDONE\n",
        *(ACCEPTED, "DANE TLSA 2 1 0 ...aba2d2ec71591527da3cac9a signed the certificate at depth 0"),
    ),
    "a mismatch": (
        1,
        "depth=0 CN = www.dotnxdomain.net\nverify error:num=65:no matching DANE TLSA records\n"
        "40D7FC5B757F0000:error:0A000086:SSL routines:tls_post_process_server_certificate:"
        "certificate verify failed:../ssl/statem/statem_clnt.c:1889:\n",
        *(REFUSED, "verify error:num=65:no matching DANE TLSA records"),
    ),
    "unreachable": (
        1,
        "404722812D7F0000:error:80000065:system library:BIO_connect:Network is unreachable:"
        "../crypto/bio/bio_sock2.c:117:calling connect()\nconnect:errno=101\n",
        *(REFUSED, "connect:errno=101"),
    ),
    "0 without DANE": (0, f"{ESTABLISHED}DONE\n", REFUSED, "DONE"),
}


@pytest.mark.parametrize("case", S_CLIENT)
def test_s_client(case: str) -> None:
    status, output, answer, because = S_CLIENT[case]
    assert readings.s_client(status, output) == Reading(answer, because)


# -- the tally ---------------------------------------------------------------------------------------------------------


def test_polls_count_for_the_scene_and_the_oracle_that_they_are_of() -> None:
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)

    def poll(scene: str, oracle: str, answer: Answer, because: str = "") -> Poll:
        return Poll(scene, oracle, noon, noon, answer, 1, because)

    polls = [
        poll("staged", "one", ACCEPTED),
        poll("staged", "one", REFUSED, "first"),
        poll("staged", "one", REFUSED, "second"),
        poll("naive", "one", UNDECIDED),
    ]
    one, other = tallied("staged", ("one", "other"), polls)
    assert (one.polls, one.accepted, one.refused, one.undecided) == (3, 1, 2, 0)
    assert one.example is not None
    assert one.example.because == "first"
    assert (other.polls, other.example) == (0, None)
