"""``danelaw check``, as a user types it, of real servers behind a signed zone: those in order, and those with a fault;
and what other verifiers say of the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from mail_servers import PACKAGES
from mail_world import ANCHOR, ROOTS, find

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, readings
from danelaw.worlds.lab.real.readings import Answer

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(200)]

WORLD: Final = Path(__file__).with_name("mail_world.py")
DANELAW: Final = (sys.executable, "-m", "danelaw")
CHECK: Final = (*DANELAW, "check", "--anchor", str(ANCHOR), "--ca", str(ROOTS))
"""The resolver is that of /etc/resolv.conf. A command line has no other way to the world's root of trust."""
LIMIT: Final = 60.0


@dataclass(frozen=True)
class World:
    """The world that stands. ``pid``: the first process in it. ``folder``: where programs may leave files."""

    pid: int
    folder: Path

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, to its end."""
        enter = ("nsenter", "--target", str(self.pid), "--net", "--mount", "--pid", "env", f"--chdir={self.folder}")
        return subprocess.run(  # noqa: S603  # programs of this package and of the tests
            (*enter, *argv), capture_output=True, text=True, check=False, timeout=LIMIT, stdin=subprocess.DEVNULL
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests here: nothing in it changes."""
    _possible()
    process = subprocess.Popen(  # noqa: S603  # a script of these tests
        (sys.executable, str(WORLD)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n", process.communicate()
        yield World(_child(_child(process.pid)), tmp_path_factory.mktemp("inside"))
        said = process.communicate("", timeout=LIMIT)
        assert (process.returncode, *said) == (0, "", "")
    finally:
        process.kill()
        process.wait()


def _possible() -> None:
    """Skip where there can be no such world."""
    try:
        namespaces.run(("true",), find())
    except DanelawError as error:
        if error.code not in {"NAMESPACES_FORBIDDEN", "PROGRAM_MISSING"}:
            raise
        pytest.skip(f"{error}: {error.evidence}")
    if not namespaces.may_change_user():
        pytest.skip("these servers change their users, which takes root")


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()[0])


@pytest.mark.parametrize("program", PACKAGES)
def test_what_the_world_is_made_of_is_listed(program: str, require_program: Callable[..., str]) -> None:
    require_program(program, package=PACKAGES[program])


# -- what is in order --------------------------------------------------------------------------------------------------

SENT: Final = {"CA_KEY_ALONE"}
"""What is said of a DANE-TA record that names a key: advice."""

GOOD: Final[dict[str, tuple[str, str | None, set[str]]]] = {
    # target: (the endpoint that is found, what a client says to start TLS there, findings)
    "smtp:example.net": ("mx.example.net:25/tcp", "> STARTTLS", set()),
    "submission:example.net": ("mx.example.net:587/tcp", "> STARTTLS", set()),
    "submissions:example.net": ("mx.example.net:465/tcp", None, set()),
    "lmtp:mail.example.net": ("mail.example.net:24/tcp", "> STARTTLS", SENT),
    "imap:example.net": ("mail.example.net:143/tcp", "STARTTLS", SENT),
    "imaps:example.net": ("mail.example.net:993/tcp", None, SENT),
    "pop3:example.net": ("mail.example.net:110/tcp", "> STLS", SENT),
    "pop3s:example.net": ("mail.example.net:995/tcp", None, SENT),
    "sieve:example.net": ("mail.example.net:4190/tcp", "> STARTTLS", SENT),
    "xmpp-client:example.net": ("xmpp.example.net:5222/tcp", "<starttls", set()),
    "xmpps-client:example.net": ("xmpp.example.net:5223/tcp", None, set()),
    "xmpps-server:example.net": ("xmpp.example.net:5270/tcp", None, set()),
    "xmpp-server:example.net": ("xmpp.example.net:5269/tcp", "<starttls", set()),
    "ldap:example.net": ("ldap.example.net:389/tcp", "> StartTLS", set()),
    "ldaps:ldap.example.net": ("ldap.example.net:636/tcp", None, set()),
    "postgres:db.example.net": ("db.example.net:5432/tcp", "SSLRequest", set()),
    "ftp:ftp.example.net": ("ftp.example.net:21/tcp", "> AUTH TLS", set()),
    "www.example.net": ("www.example.net:443/tcp", None, set()),
    "https://dual.example.net/": ("dual.example.net:443/tcp", None, set()),
    "shared.example.net": ("shared.example.net:443/tcp", None, set()),
    "tenant.example.net": ("tenant.example.net:443/tcp", None, set()),
    "alias.example.net": ("alias.example.net:443/tcp", None, set()),
}

FAULTY: Final[dict[str, tuple[str, set[str]]]] = {
    # target: (verdict, findings)
    "smtp:mismatched.example.net": ("mismatch", {"TLSA_MISMATCH"}),
    "smtp:mixed.example.net": ("none", {"NO_TLSA", "DANE_MIXED"}),
    "smtp:null.example.net": ("none", {"NULL_MX"}),
    "bare.example.net:25": ("none", {"NO_TLSA"}),
    "mismatch.example.net": ("mismatch", {"TLSA_MISMATCH"}),
    "half.example.net": ("mismatch", {"TLSA_MISMATCH"}),
    "uncovered.example.net": ("mismatch", {"ALGORITHM_UNCOVERED"}),
    "misnamed-ta.example.net": ("mismatch", {"TLSA_MISMATCH", "CA_KEY_ALONE"}),
    "expired-ta.example.net": ("mismatch", {"TLSA_MISMATCH", "CERTIFICATE_EXPIRING", "CA_KEY_ALONE"}),
    "old.example.net": ("mismatch", {"TLS_OUTDATED"}),
    "gone.example.net": ("mismatch", {"HANDSHAKE_FAILED"}),
    "bogus.example.net": ("bogus", {"ANSWER_BOGUS"}),
    "www.plain.example.net": ("insecure", {"ZONE_INSECURE"}),
    "nowhere.example.net": ("none", {"NO_TLSA", "NO_ADDRESS"}),
    # clients connect, and something is worth telling
    "expired.example.net": ("valid", {"CERTIFICATE_EXPIRING", "PKIX_REFUSES"}),
    "misnamed.example.net": ("valid", {"CLIENT_REFUSES", "PKIX_REFUSES"}),
    "stale.example.net": ("valid", {"ROLL_IN_PROGRESS"}),
    "ending.example.net": ("valid", {"CERTIFICATE_EXPIRING", "CA_KEY_ALONE"}),
    "unusable.example.net": ("valid", {"UNUSABLE_RECORD"}),
    "combined.example.net": ("valid", {"COMBINATION_UNMATCHED", "BREAKS_AT_RENEWAL"}),
    "v4only.example.net": ("valid", {"NO_IPV6"}),
    "alias-out.example.net": ("valid", {"BASE_ORIGINAL"}),
    "smtp:aliases.example.net": ("valid", {"SERVER_ALIAS"}),
    "slow.example.net": ("valid", {"TLSA_TTL_LONG"}),
    "aliased.example.net": ("valid", {"TLSA_ALIAS"}),
    "www.ending.net": ("valid", {"SIGNATURE_EXPIRING"}),
}

DEAF: Final[dict[str, str]] = {
    # target on a host whose servers do without TLS, though it has TLSA records: the finding
    "smtp:deafened.example.net": "STARTTLS_NOT_OFFERED",
    "lmtp:deaf.example.net": "STARTTLS_NOT_OFFERED",
    "deaf.example.net:143": "STARTTLS_NOT_OFFERED",
    "deaf.example.net:110": "STARTTLS_NOT_OFFERED",
    "deaf.example.net:4190": "STARTTLS_NOT_OFFERED",
    "xmpp-client://deaf.example.net:5222": "STARTTLS_NOT_OFFERED",
    "xmpp-server://deaf.example.net:5269": "STARTTLS_NOT_OFFERED",
    "deaf.example.net:389": "STARTTLS_NOT_OFFERED",
    "deaf.example.net:5432": "STARTTLS_REFUSED",
    "ftp:deaf.example.net": "STARTTLS_REFUSED",
}

LAGGING: Final = "www.late.net"
"""What is found there depends on which server the resolver happens to have asked."""

Checked = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def checked(world: World) -> Checked:
    """Everything, checked at once: each target as it was typed, and its JSON document."""
    targets = [*GOOD, *FAULTY, *DEAF, LAGGING]
    done = world.run(*CHECK, "--json-lines", *targets)
    assert done.returncode == 1, done
    assert "Warning" not in done.stderr, done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    return dict(zip(targets, (one for one in documents if "target" in one), strict=True))


def codes(document: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in document["findings"]}


@pytest.mark.parametrize("target", GOOD)
def test_a_good_service_is_valid_at_every_address(checked: Checked, target: str) -> None:
    endpoint, says, findings = GOOD[target]
    document = checked[target]
    assert (document["verdict"], codes(document)) == ("valid", findings), document["findings"]
    (seen,) = document["endpoints"]
    assert seen["endpoint"] == endpoint
    assert [":" in address["address"] for address in seen["addresses"]] == [True, False]
    for address in seen["addresses"]:
        assert {presented["match"] for presented in address["presented"]} == {"matched"}
        assert address["clients"]["any"]["version"] == "TLSv1.3"
        said = "\n".join(line for presented in address["presented"] for line in presented["said"])
        assert (says is None) == (said == "")
        assert says is None or says in said


@pytest.mark.parametrize("target", FAULTY)
def test_a_fault_is_found_and_nothing_else(checked: Checked, target: str) -> None:
    document = checked[target]
    assert (document["verdict"], codes(document)) == FAULTY[target], document["findings"]


@pytest.mark.parametrize("target", DEAF)
def test_a_server_that_does_not_start_tls_is_refused_in_each_protocol(checked: Checked, target: str) -> None:
    """RFC 7672 §2.2: TLSA records promise TLS."""
    document = checked[target]
    assert (document["verdict"], codes(document)) == ("mismatch", {DEAF[target]}), document["findings"]
    assert {finding["address"] for finding in document["findings"]} == {"2001:db8::112", "192.0.2.112"}


def test_a_server_with_two_certificates_and_tls_1_3_alone_shows_both(checked: Checked) -> None:
    for address in checked["https://dual.example.net/"]["endpoints"][0]["addresses"]:
        shaken = {name for name, client in address["clients"].items() if client["got"] == "handshake"}
        assert shaken == {"any", "ecdsa", "rsa"}
        assert len(address["presented"]) == 2


def test_the_address_that_differs_is_named(checked: Checked) -> None:
    found = [finding for finding in checked["half.example.net"]["findings"] if finding["code"] == "TLSA_MISMATCH"]
    assert [finding["address"] for finding in found] == ["2001:db8::111"]


def test_a_secondary_that_lags_is_named_whatever_the_resolver_was_told(checked: Checked) -> None:
    document = checked[LAGGING]
    assert document["verdict"] == "valid"
    assert "NS_LAGGING" in codes(document), document["findings"]
    (lagging,) = {finding["subject"] for finding in document["findings"] if finding["code"] == "NS_LAGGING"}
    assert "late.net" in lagging
    assert "ns2" in json.dumps([finding for finding in document["findings"] if finding["code"] == "NS_LAGGING"])


def test_the_servers_that_mx_records_name_are_judged_one_by_one(checked: Checked) -> None:
    verdicts = {one["endpoint"]: one["verdict"] for one in checked["smtp:mixed.example.net"]["endpoints"]}
    assert verdicts == {"mx.example.net:25/tcp": "valid", "bare.example.net:25/tcp": "none"}


# -- as a user types it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "first"),
    [
        (("smtp:example.net",), 0, "DANE authentication successful: a DANE client connects to smtp:example.net"),
        (("mismatch.example.net",), 1, "DANE authentication FAILED: a DANE client does not connect to"),
        (("--opportunistic", "bare.example.net:25"), 0, "No DANE authentication: "),
        (("--resolver", "192.0.2.200", "--timeout", "1", "www.example.net"), 3, "DANE authentication UNDECIDED"),
        (("www.example.net:0",), 2, ""),
        (("--address", "192.0.2.111", "half.example.net"), 0, "DANE authentication successful: "),
        (("--starttls", "imap", "mail.example.net"), 0, "DANE authentication successful: "),
        (("--nagios", "smtp:example.net"), 0, "DANELAW OK - "),
        (("--nagios", "mismatch.example.net"), 2, "DANELAW CRITICAL - "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_first_line_and_the_exit_status_say_it(
    world: World, arguments: tuple[str, ...], status: int, first: str
) -> None:
    done = world.run(*CHECK, *arguments)
    assert (done.returncode, done.stdout[: len(first)]) == (status, first), done
    assert first or not done.stdout


def test_the_transcript_reads_like_that_of_the_article(world: World) -> None:
    """Its Figure 4: the records, then each address with its handshake, its chain, and what matched."""
    done = world.run(*CHECK, "www.example.net")
    for address in ("IPv6 address: 2001:db8::103", "IPv4 address: 192.0.2.103"):
        assert re.search(
            rf"TLSA records found: 1\n.*Connecting to {address} port 443\nTLSv1.3 handshake succeeded\.\n"
            r"Cipher: \S+\nPeer certificate chain:\n0 Subject CN: www\.example\.net\n.*"
            r"Matched TLSA record: '3 1 1 [0-9a-f]+.*', EE certificate at depth 0\n",
            done.stdout,
            re.DOTALL,
        ), done.stdout


def test_what_was_seen_is_judged_alike_far_from_the_world(world: World, tmp_path: Path) -> None:
    saved = tmp_path / "evidence.json"
    targets = ("smtp:mixed.example.net", "half.example.net", LAGGING)
    live = world.run(*CHECK, "--json", "--save", str(saved), *targets)
    assert live.returncode == 1, live
    roots = tmp_path / "roots.pem"
    roots.write_bytes(Path(f"/proc/{world.pid}/root{ROOTS}").read_bytes())
    later = subprocess.run(  # noqa: S603  # this package
        (*DANELAW, "check", "--json", "--ca", str(roots), "--evidence", str(saved)),
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert later.returncode == 1, later
    assert json.loads(later.stdout)["targets"] == json.loads(live.stdout)["targets"]


@pytest.mark.parametrize(
    ("targets", "status"),
    [
        (("mx.example.net:25", "db.example.net:5432", "ldap.example.net:389", "dual.example.net:443"), 0),
        (("mismatch.example.net:25",), 1),
        (("half.example.net:443",), 1),
        (("deaf.example.net:143",), 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_records_made_of_what_servers_present_are_compared_with_the_dns(
    world: World, targets: tuple[str, ...], status: int
) -> None:
    done = world.run(*DANELAW, "tlsa", "--anchor", str(ANCHOR), "--from-server", "--compare", *targets)
    assert done.returncode == status, done
    owners = {line.split()[0] for line in done.stdout.splitlines()}
    named = (target.split(":") for target in targets)
    assert owners == (set() if status == 3 else {f"_{port}._tcp.{host}." for host, port in named})


# -- what others say ---------------------------------------------------------------------------------------------------

Verifier = Callable[[World, str, int, str], readings.Reading]


def _openssl(world: World, host: str, port: int, protocol: str) -> readings.Reading:
    """``openssl s_client``, which is given the TLSA records, and knows no DNSSEC."""
    found = world.run("dig", "+short", f"_{port}._tcp.{host}", "TLSA").stdout.splitlines()
    records = [word for rdata in found for word in ("-dane_tlsa_rrdata", rdata)]
    to = ("-connect", f"{host}:{port}", "-servername", host, "-dane_tlsa_domain", host, "-dane_ee_no_namechecks")
    name = {"xmpp-client": "xmpp", "submission": "smtp"}.get(protocol, protocol)
    how = ("-starttls", name, *(("-xmpphost", "example.net") if name.startswith("xmpp") else ())) if name else ()
    done = world.run("openssl", "s_client", *to, *records, "-verify_return_error", "-brief", *how)
    output = done.stderr + done.stdout
    if done.returncode == 0 and "Verification: OK" in output:
        return readings.Reading(Answer.ACCEPTED, "Verification: OK")
    return readings.s_client(done.returncode, output)


def _danetool(world: World, host: str, port: int, protocol: str) -> readings.Reading:
    how = ("--starttls-proto", {"submission": "smtp"}.get(protocol, protocol)) if protocol else ()
    done = world.run("danetool", "--local-dns", "--check", host, "--port", str(port), *how)
    return readings.danetool(done.returncode, done.stdout + done.stderr)


def _ldns_dane(world: World, host: str, port: int, protocol: str) -> readings.Reading:
    assert not protocol
    done = world.run("ldns-dane", "-k", str(ANCHOR), "verify", host, str(port))
    return readings.ldns_dane(done.returncode, done.stdout + done.stderr)


def _posttls_finger(world: World, host: str, port: int, protocol: str) -> readings.Reading:
    """Of a mail domain, as Postfix would send to it. Its exit status says nothing."""
    assert (port, protocol) == (25, "smtp")
    done = world.run("posttls-finger", "-c", "-l", "dane-only", "-L", "summary", host)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("posttls-finger: ")]
    verified = [line for line in lines if "Verified TLS connection established" in line]
    return readings.Reading(Answer.ACCEPTED if verified else Answer.REFUSED, "\n".join(verified or lines))


def _cases(verifier: Verifier, *cases: str) -> list[tuple[Verifier, str, int, str]]:
    split = [case.split() for case in cases]
    return [(verifier, words[0], int(words[1]), words[2] if len(words) > 2 else "") for words in split]


STARTTLS: Final = (
    "mx.example.net 25 smtp",
    "mx.example.net 587 submission",
    "mail.example.net 24 lmtp",
    "mail.example.net 143 imap",
    "mail.example.net 110 pop3",
    "mail.example.net 4190 sieve",
    "db.example.net 5432 postgres",
    "ftp.example.net 21 ftp",
    "ldap.example.net 389 ldap",
    "mismatch.example.net 25 smtp",
    "deaf.example.net 25 smtp",
)
OPENSSL: Final = (*STARTTLS, "xmpp.example.net 5222 xmpp-client", "xmpp.example.net 5269 xmpp-server")
DIRECT: Final = tuple(
    f"{host}.example.net 443"
    for host in (
        *("www", "dual", "mismatch", "expired", "misnamed", "misnamed-ta", "expired-ta"),
        *("stale", "unusable", "combined", "uncovered", "tenant"),
    )
)
CASES: Final = [
    *_cases(_openssl, *OPENSSL, *DIRECT, "mx.example.net 465", "mail.example.net 993", "ldap.example.net 636"),
    *_cases(_danetool, *STARTTLS, *DIRECT, "bogus.example.net 443"),
    *_cases(_ldns_dane, *DIRECT, "half.example.net 443", "bogus.example.net 443", "gone.example.net 443"),
    *_cases(
        _posttls_finger, *(f"{d}example.net 25 smtp" for d in ("", "aliases.", "mismatched.", "deafened.", "null."))
    ),
]
DIFFERENCES: Final = {
    # one handshake, in which they prefer ECDSA: they never see the RSA certificate that no record covers
    ("_openssl", "uncovered.example.net"): Answer.ACCEPTED,
    ("_ldns_dane", "uncovered.example.net"): Answer.ACCEPTED,
    # it checks names under DANE-EE too, which RFC 7671 §5.1 tells clients not to do
    ("_ldns_dane", "misnamed.example.net"): Answer.REFUSED,
    # it checks no names under DANE-TA, which RFC 7671 §5.2 tells clients to do
    ("_danetool", "misnamed-ta.example.net"): Answer.ACCEPTED,
}
"""Verifier and host: what it answers where that is not what we do."""


@pytest.fixture(scope="module")
def answers(world: World) -> dict[tuple[str, str, int], readings.Reading]:
    """All others asked, as many at a time as there is room for."""
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda case: case[0](world, *case[1:]), CASES)
        return {(case[0].__name__, case[1], case[2]): reading for case, reading in zip(CASES, found, strict=True)}


@pytest.fixture(scope="module")
def ours(world: World) -> dict[tuple[str, int], str]:
    """Our verdicts of the same hosts, or mail domains."""
    asked = {(host, port): _typed(verifier, host, port, protocol) for verifier, host, port, protocol in CASES}
    done = world.run(*CHECK, "--json-lines", *asked.values())
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    verdicts = (one["verdict"] for one in documents if "target" in one)
    return dict(zip(asked, verdicts, strict=True))


def _typed(verifier: Verifier, host: str, port: int, protocol: str) -> str:
    if verifier is _posttls_finger:
        return f"smtp:{host}"
    if protocol.startswith("xmpp"):
        return f"{protocol}:example.net"
    return f"{protocol or 'https'}://{host}:{port}"


@pytest.mark.parametrize(
    ("verifier", "host", "port"),
    [(case[0].__name__, *case[1:3]) for case in CASES],
    ids=lambda value: str(value).removeprefix("_"),
)
def test_others_accept_and_refuse_what_we_do(
    answers: dict[tuple[str, str, int], readings.Reading],
    ours: dict[tuple[str, int], str],
    verifier: str,
    host: str,
    port: int,
) -> None:
    verdict, reading = ours[host, port], answers[verifier, host, port]
    alike = Answer.ACCEPTED if verdict == "valid" else Answer.REFUSED
    assert reading.answer is DIFFERENCES.get((verifier, host), alike), (verdict, reading)
