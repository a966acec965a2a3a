"""``danelaw tlsa`` as a user types it: records from files and live servers, beside what others make of the same."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import shlex
import signal
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from check_world import AT, RIGHT, WRONG, World, standing
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from command_said import Said
from danelaw.faces import cli
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, Issued, issue

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).parents[2]
HOWTO: Final = ROOT / "docs" / "how-to" / "make-tlsa-records.md"
REFERENCE: Final = ROOT / "docs" / "reference" / "tlsa.md"
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OTHER_RSA: Final = rsa.generate_private_key(65537, 2048)
OTHER_EC: Final = ec.generate_private_key(ec.SECP256R1())
ALL: Final = [(u, s, m) for u in range(4) for s in range(2) for m in range(3)]

HEAVY: Final = (
    *("asyncio", "ssl", "cryptography", "OpenSSL", "acme", "josepy", "msgspec", "rich", "h2", "h11", "json"),
    *("dns.message", "dns.rdata", "dns.zone", "dns.resolver", "dns.dnssec"),
    *("danelaw.wiring", "danelaw.ports", "danelaw.app", "danelaw.adapters", "danelaw.worlds", "danelaw.core.dnssec"),
    *("danelaw.core.tlsa.match", "danelaw.core.tlsa.x509", "danelaw.core.model.proof", "danelaw.core.verdict"),
)
"""What a record from a certificate does not need: each takes longer to import than the record to make."""


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``danelaw tlsa``, in this process, 80 columns wide, in a folder with the files of a server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    files(tmp_path)

    def typed(*arguments: str | int, stdin: bytes | None = None) -> Said:
        before = {number: signal.getsignal(number) for number in SIGNALS}
        monkeypatch.setattr(sys, "argv", ["danelaw", "tlsa", *map(str, arguments)])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        out, err = capfd.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return typed


def pem(*issued: Issued) -> bytes:
    return b"".join(one.certificate.public_bytes(Encoding.PEM) for one in issued)


def files(folder: Path) -> None:
    key = LEAF.key
    (folder / "cert.pem").write_bytes(pem(LEAF))
    (folder / "fullchain.pem").write_bytes(pem(LEAF, INTERMEDIATE))
    (folder / "chain.pem").write_bytes(pem(INTERMEDIATE))
    (folder / "cert.der").write_bytes(LEAF.der)
    (folder / "privkey.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "locked.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    (folder / "public.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (folder / "other.pem").write_bytes(
        INTERMEDIATE.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    made = subprocess.run(  # noqa: S603 - our own words
        ["openssl", "req", "-new", "-key", folder / "privkey.pem", "-subj", "/CN=www"],  # noqa: S607 - any will do
        capture_output=True,
        check=True,
    )
    (folder / "request.pem").write_bytes(made.stdout)


SPKI: Final = hashlib.sha256(LEAF.spki).hexdigest()
LINE: Final = f"_443._tcp.www.example.net. 3600 IN TLSA 3 1 1 {SPKI}\n"


# -- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        *(["--cert", "cert.pem"], ["--cert", "cert.der"], ["--cert", "fullchain.pem"], ["--key", "privkey.pem"]),
        *(["--key", "public.pem"], ["--csr", "request.pem"], ["--cert", "cert.pem", "--key", "privkey.pem"]),
        ["--csr", "request.pem", "--key", "privkey.pem"],
    ],
    ids=" ".join,
)
def test_a_key_is_named_the_same_whatever_it_comes_from(run: Run, source: list[str]) -> None:
    assert run("www.example.net:443", *source, "--now", AT) == Said(0, LINE, "")


@pytest.mark.parametrize(
    ("target", "owner"),
    [
        ("www.example.net", "_443._tcp.www.example.net."),
        ("www.example.net:853/udp", "_853._udp.www.example.net."),
        ("www.example.net:9899/sctp", "_9899._sctp.www.example.net."),
        ("https://www.example.net:8443/path", "_8443._tcp.www.example.net."),
        ("WWW.Example.NET.:443", "_443._tcp.www.example.net."),
        ("_25._tcp.mx.example.net", "_25._tcp.mx.example.net."),
        ("bücher.example.net:443", "_443._tcp.xn--bcher-kva.example.net."),
        ("*.example.net:443", "*.example.net."),
    ],
)
def test_a_record_stands_where_clients_ask_for_it(run: Run, target: str, owner: str) -> None:
    assert run(target, "--cert", "cert.pem").out == f"{owner} 3600 IN TLSA 3 1 1 {SPKI}\n"


def test_many_places_and_combinations_are_one_command_and_nothing_is_made_twice(run: Run) -> None:
    said = run("www.example.net:443", "www.example.net", "mx.example.net:25", "--cert", "cert.pem", "--usage", "3",
               "--usage", "DANE-EE", "--mtype", "SHA2-256", "--mtype", 2, "--ttl", 300)  # fmt: skip
    strong = hashlib.sha512(LEAF.spki).hexdigest()
    assert said.out.splitlines() == [
        f"{owner} 300 IN TLSA 3 1 {data}"
        for owner in ("_443._tcp.www.example.net.", "_25._tcp.mx.example.net.")
        for data in (f"1 {SPKI}", f"2 {strong}")
    ]


@pytest.mark.parametrize("option", ["--cert", "--key", "--csr"])
def test_standard_input_will_do(run: Run, tmp_path: Path, option: str) -> None:
    file = {"--cert": "cert.der", "--key": "privkey.pem", "--csr": "request.pem"}[option]
    assert run("www.example.net:443", option, "-", stdin=(tmp_path / file).read_bytes()).out == LINE


def test_the_generic_form_and_the_script_say_the_same(run: Run) -> None:
    generic = run("www.example.net:443", "--cert", "cert.pem", "--format", "generic").out
    script = run("www.example.net:443", "--cert", "cert.pem", "--format", "nsupdate").out
    assert generic == f"_443._tcp.www.example.net. 3600 IN TYPE52 \\# 35 030101{SPKI}\n"
    assert script == f"update add {LINE}send\n"


@pytest.mark.parametrize("flag", [["--json"], ["--format", "json"]], ids=" ".join)
def test_programs_get_every_form_and_the_advice(run: Run, flag: list[str]) -> None:
    said = run("www.example.net:443", "--cert", "cert.pem", "--selector", 0, "--now", AT, *flag)
    digest = hashlib.sha256(LEAF.der).hexdigest()
    line = f"_443._tcp.www.example.net. 3600 IN TLSA 3 0 1 {digest}"
    assert (said.status, said.err) == (0, "")
    assert said.json["schema"] == "danelaw/tlsa/1"
    assert said.json["records"] == [
        {
            "owner": "_443._tcp.www.example.net.",
            "ttl": 3600,
            "usage": 3,
            "selector": 0,
            "mtype": 1,
            "acronyms": "DANE-EE Cert SHA2-256",
            "data": digest,
            "zone": line,
            "generic": f"_443._tcp.www.example.net. 3600 IN TYPE52 \\# 35 030001{digest}",
            "nsupdate": f"update add {line}",
        }
    ]
    (advice,) = said.json["advice"]
    assert (advice["code"], advice["citation"], advice["about"]) == ("BREAKS_AT_RENEWAL", "RFC 7671 §5.1", "3 0 1")


def test_advice_goes_to_standard_error_with_its_reason_and_source(run: Run) -> None:
    said = run("mx.example.net:25", "--cert", "fullchain.pem", "--usage", 1, "--selector", 0)
    assert said.status == 0
    assert len(said.out.splitlines()) == 1
    told = " ".join(said.err.split())
    assert "note: 1 0 1 names this one certificate" in told
    assert "[PKIX_ON_SMTP, RFC 7672 §3.1.3]" in told
    assert max(map(len, said.err.splitlines())) <= 80


# -- the same, made by others -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("usage", "selector", "mtype"), ALL)
def test_openssl_makes_the_same_data(run: Run, tmp_path: Path, usage: int, selector: int, mtype: int) -> None:
    said = run("www.example.net:443", "--cert", "fullchain.pem", "--usage", usage, "--selector", selector,
               "--mtype", mtype)  # fmt: skip
    file = "cert.pem" if usage in (1, 3) else "chain.pem"
    whole = f"openssl x509 -in {tmp_path / file} -outform DER"
    key = f"openssl x509 -in {tmp_path / file} -noout -pubkey | openssl pkey -pubin -outform DER"
    digest = ("xxd -p -c 0", "sha256sum", "sha512sum")[mtype] if mtype else "od -An -v -tx1"
    made = subprocess.run(  # noqa: S602 - our own words, as the article has them
        f"{key if selector else whole} | {digest}", shell=True, capture_output=True, text=True, check=True
    ).stdout
    data = made.split()[0] if mtype else "".join(made.split())
    assert said.out == f"_443._tcp.www.example.net. 3600 IN TLSA {usage} {selector} {mtype} {data}\n"


@pytest.mark.parametrize(("usage", "selector", "mtype"), [one for one in ALL if one[0] in (1, 3)])
def test_ldns_makes_the_same_records(
    run: Run, require_program: Callable[..., str], usage: int, selector: int, mtype: int
) -> None:
    program = require_program("ldns-dane", package="ldnsutils")
    ours = run("www.example.net:443", "--cert", "cert.pem", "--usage", usage, "--selector", selector, "--mtype", mtype)
    made = subprocess.run(  # noqa: S603 - a program that the tests require
        [
            program,
            "-n",
            "-s",
            "-c",
            "cert.pem",
            "create",
            "www.example.net",
            "443",
            *map(str, (usage, selector, mtype)),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert ours.out.split() == made.split()


@pytest.mark.parametrize(
    ("combination", "options"),
    [
        ((3, 1, 1), []),
        ((3, 1, 2), ["--hash", "sha512"]),
        ((3, 0, 1), ["--x509"]),
        ((1, 1, 1), ["--no-domain"]),
        ((1, 0, 2), ["--no-domain", "--x509", "--hash", "sha512"]),
        ((2, 1, 1), ["--ca"]),
        ((2, 0, 1), ["--ca", "--x509"]),
        ((0, 0, 1), ["--ca", "--x509", "--no-domain"]),
    ],
    ids=str,
)
def test_gnutls_makes_the_same_records(
    run: Run, require_program: Callable[..., str], combination: tuple[int, int, int], options: list[str]
) -> None:
    """danetool names the certificate that it is given, a CA's under --ca."""
    program = require_program("danetool", package="gnutls-bin")
    file = "chain.pem" if combination[0] in (0, 2) else "cert.pem"
    usage, selector, mtype = combination
    ours = run("www.example.net:443", "--cert", file, "--usage", usage, "--selector", selector, "--mtype", mtype)
    made = subprocess.run(  # noqa: S603 - a program that the tests require
        [program, "--tlsa-rr", "--host", "www.example.net", "--load-certificate", file, *options],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    numbers, data = re.findall(r"TLSA \( (\d\d \d\d \d\d) ([0-9a-f]+) \)", made)[0]
    theirs = " ".join(str(int(number)) for number in numbers.split())
    assert ours.out == f"_443._tcp.www.example.net. 3600 IN TLSA {theirs} {data}\n"


# -- what cannot be made ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["www.example.net:443", "--cert", "nowhere.pem"], "FILE_UNREADABLE"),
        (["www.example.net:443", "--cert", "."], "FILE_UNREADABLE"),
        (["www.example.net:443", "--cert", "a\0b"], "FILE_UNREADABLE"),
        (["www.example.net:443", "--cert", "/dev/zero"], "FILE_TOO_LARGE"),
        (["www.example.net:443", "--cert", "/dev/null"], "EMPTY_INPUT"),
        (["www.example.net:443", "--cert", "privkey.pem"], "NOT_A_CERTIFICATE"),
        (["www.example.net:443", "--key", "locked.pem"], "KEY_ENCRYPTED"),
        (["www.example.net:443", "--key", "cert.pem"], "NOT_A_KEY"),
        (["www.example.net:443", "--csr", "cert.pem"], "NOT_A_REQUEST"),
        (["www.example.net:443", "--cert", "cert.pem", "--key", "other.pem"], "KEY_MISMATCH"),
        (["www.example.net:443", "--key", "privkey.pem", "--selector", "0"], "SELECTOR_NEEDS_CERTIFICATE"),
        (["www.example.net:443", "--cert", "cert.pem", "--usage", "2"], "NO_ISSUER_PRESENTED"),
        (["www.example.net:443", "--cert", "cert.pem", "--usage", "4"], "UNKNOWN_COMBINATION"),
        (["www.example.net:443", "--cert", "cert.pem", "--mtype", "PrivMatch"], "UNKNOWN_COMBINATION"),
        (["www.example.net:0", "--cert", "cert.pem"], "BAD_TARGET"),
        (["www.example.net:65536", "--cert", "cert.pem"], "BAD_TARGET"),
        (["www.example.net:443/dccp", "--cert", "cert.pem"], "BAD_TARGET"),
        (["192.0.2.1:443", "--cert", "cert.pem"], "BAD_TARGET"),
        (["a..b:443", "--cert", "cert.pem"], "BAD_NAME"),
        ([("x" * 60 + ".") * 4 + "n:443", "--cert", "cert.pem"], "NAME_TOO_LONG"),
        (["smtp:example.net", "--cert", "cert.pem"], "HOST_NEEDED"),
        (["imap:example.net", "--cert", "cert.pem", "--compare"], "HOST_NEEDED"),
        (["*.example.net:443", "--from-server"], "HOST_NEEDED"),
        (["*." + ("x" * 60 + ".") * 4 + "n:443", "--cert", "cert.pem"], "NAME_TOO_LONG"),
        (["www.*.net:443", "--cert", "cert.pem"], "BAD_TARGET"),
        (["www.example.net:443", "--cert", "cert.pem", "--now", "soon"], "BAD_INSTANT"),
        (["www.example.net:443", "--from-server", "--address", "here"], "BAD_ADDRESS"),
        (["www.example.net:443", "--from-server", "--resolver", "here"], "BAD_RESOLVER"),
        (["www.example.net:443", "--from-server", "--anchor", "nowhere"], "ANCHOR_UNREADABLE"),
    ],
    ids=lambda value: " ".join(value[:3])[:40] if isinstance(value, list) else "",
)
def test_what_cannot_be_made_is_refused_by_its_code(run: Run, arguments: list[str], code: str) -> None:
    said = run(*arguments)
    assert (said.status, said.out) == (2, "")
    assert f"[{code}]" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "said_of_it"),
    [
        (["www.example.net:443"], "--from-server"),
        (["--cert", "cert.pem"], "HOST:PORT"),
        (["www.example.net:443", "--cert", "cert.pem", "--from-server"], "one of them"),
        (["www.example.net:443", "--cert", "cert.pem", "--csr", "request.pem"], "one of them"),
        (["www.example.net:443", "--cert", "-", "--key", "-"], "only once"),
        (["www.example.net:443", "--cert", "cert.pem", "--usage", "four"], "four"),
        (["www.example.net:443", "--cert", "cert.pem", "--usage", "3 1"], "3 1"),
        (["www.example.net:443", "--cert", "cert.pem", "--usage", ""], "'?'"),
        (["www.example.net:443", "--cert", "cert.pem", "--mtype", "256"], "one octet"),
        (["www.example.net:443", "--cert", "cert.pem", "--ttl", "-1"], "--ttl"),
        (["www.example.net:443", "--cert", "cert.pem", "--ttl", "2147483648"], "--ttl"),
        (["www.example.net:443", "--cert", "cert.pem", "--format", "bind"], "bind"),
    ],
)
def test_a_mistake_is_a_usage_error_that_quotes_it(run: Run, arguments: list[str], said_of_it: str) -> None:
    said = run(*arguments)
    assert (said.status, said.out) == (2, "")
    assert said_of_it in " ".join(said.err.split())


def test_an_encrypted_key_is_helped_by_the_command_that_is_named(run: Run, tmp_path: Path) -> None:
    hint = run("www.example.net:443", "--key", "locked.pem").err
    (command,) = re.findall(r"openssl pkey -in locked.pem -pubout", hint)
    public = subprocess.run(  # noqa: S603 - what the hint says
        [*shlex.split(command), "-passin", "pass:secret"], capture_output=True, check=True
    ).stdout
    assert run("www.example.net:443", "--key", "-", stdin=public).out == LINE


# -- live servers and the DNS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with standing(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def ask(run: Run, world: World) -> Run:
    """The command, asking the resolver of the world, as of its day."""
    resolving = ("--resolver", world.resolver, "--anchor", world.anchor, "--now", AT)
    return lambda *arguments, **more: run(*arguments, *resolving, **more)


def test_what_a_live_server_presents_gets_its_record(ask: Run, world: World) -> None:
    said = ask(f"good.example.net:{world.port}", "--from-server")
    assert (said.status, said.out) == (0, f"_{world.port}._tcp.good.example.net. 3600 IN TLSA {RIGHT}\n")


def test_a_live_server_that_nobody_vouches_for_is_told(ask: Run, world: World) -> None:
    told = " ".join(ask(f"good.example.net:{world.port}", "--from-server").err.split())
    assert "good.example.net" in told
    assert "no CA that is known here vouches for its key" in told
    assert "[SERVER_UNVOUCHED, RFC 7671 §8]" in told


def test_what_is_sent_tells_whether_a_ca_can_be_named(ask: Run, world: World) -> None:
    said = ask(f"www.example.net:{world.port}", "--from-server", "--usage", "2", "--address", "127.0.0.1")
    assert said.out.endswith(f" TLSA 2 1 1 {hashlib.sha256(INTERMEDIATE.spki).hexdigest()}\n")


def test_the_servers_of_a_mail_domain_are_found_and_asked(ask: Run, world: World) -> None:
    said = ask("smtp:example.net", "--from-server", "--address", f"127.0.0.1@{world.smtp}")
    assert said.status == 0
    assert said.out.splitlines() == [f"_25._tcp.{host}.example.net. 3600 IN TLSA {RIGHT}" for host in ("mx", "mx2")]


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port, on 127.0.0.2, of a server with RSA beside ECDSA, neither of them the key of the other server."""
    folder, names = tmp_path_factory.mktemp("other"), ("good.example.net",)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    keys: tuple[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, ...] = (OTHER_RSA, OTHER_EC)
    for number, key in enumerate(keys):
        file = folder / f"{number}.pem"
        certificate = self_signed(key, names)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(file)

    class Shaking(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError), context.wrap_socket(self.request, server_side=True) as shaken:
                shaken.recv(1)

    with socketserver.ThreadingTCPServer(("127.0.0.2", 0), Shaking) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join(30)


def self_signed(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, names: tuple[str, ...]) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - DAY, NOW + DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
    return builder.sign(key, hashes.SHA256())


def test_every_key_at_every_address_gets_its_record_and_that_is_told(ask: Run, world: World, other_server: int) -> None:
    """Who happens to reach the one address must not be refused for the other's key."""
    said = ask(f"good.example.net:{world.port}", "--from-server", "--address", f"127.0.0.1@{world.port}",
               "--address", f"127.0.0.2@{other_server}")  # fmt: skip
    keys = [LEAF.spki, *(spki_of(key) for key in (OTHER_EC, OTHER_RSA))]
    assert said.status == 0
    assert sorted(said.out.splitlines()) == sorted(
        f"_{world.port}._tcp.good.example.net. 3600 IN TLSA 3 1 1 {hashlib.sha256(spki).hexdigest()}" for spki in keys
    )
    told = " ".join(said.err.split())
    assert "presents 3 different keys (at 127.0.0.1; 127.0.0.2; 127.0.0.2)" in told
    assert "[SERVER_DIFFERS, RFC 7671 §8]" in told


def spki_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("host", ["closed", "nothing"])
def test_a_server_that_was_not_seen_whole_gets_no_record(ask: Run, world: World, host: str) -> None:
    said = ask(f"{host}.example.net:{world.closed}", f"good.example.net:{world.port}", "--from-server")
    assert (said.status, said.out) == (3, "")
    assert "[SERVER_UNSEEN]" in said.err


def test_one_silent_address_is_enough_to_make_nothing(ask: Run, world: World) -> None:
    said = ask(f"good.example.net:{world.port}", "--from-server", "--address", "127.0.0.1",
               "--address", f"127.0.0.2@{world.closed}")  # fmt: skip
    assert (said.status, said.out) == (3, "")
    assert "127.0.0.2" in said.err


@pytest.mark.parametrize(
    ("host", "status", "verdict", "code"),
    [
        ("good", 0, "valid", None),
        ("bad", 1, "mismatch", "TLSA_MISSING"),
        ("bare", 1, "none", "TLSA_MISSING"),
    ],
)
def test_records_are_held_against_the_dns(
    ask: Run, world: World, host: str, status: int, verdict: str, code: str | None
) -> None:
    arguments = (f"{host}.example.net:{world.port}", "--cert", "cert.pem", "--compare")
    said = ask(*arguments)
    told = ask(*arguments, "--json")
    assert (said.status, told.status) == (status, status)
    assert said.out == f"_{world.port}._tcp.{host}.example.net. 3600 IN TLSA {RIGHT}\n"
    assert f"{verdict}: " in said.err
    assert max(map(len, said.err.splitlines())) <= 80
    assert told.json["verdict"] == verdict
    assert [one["code"] for one in told.json["findings"]][:1] == ([code] if code else [])


def test_what_stands_beside_is_told_and_is_no_fault(ask: Run, world: World) -> None:
    """In a roll the records of the old key are there too."""
    told = ask(f"bad.example.net:{world.port}", "--cert", "cert.pem", "--compare", "--json").json
    (dns,) = told["dns"]
    assert (dns["state"], dns["missing"], dns["beside"]) == ("secure", [RIGHT], [WRONG])
    assert {one["code"] for one in told["findings"]} == {"TLSA_MISSING", "TLSA_BESIDE"}


def test_one_name_that_lacks_something_decides(ask: Run, world: World) -> None:
    said = ask(*(f"{host}.example.net:{world.port}" for host in ("good", "bare")), "--cert", "cert.pem", "--compare")
    assert said.status == 1
    assert [line.split(":")[0] for line in said.err.splitlines() if not line.startswith((" ", "note"))] == [
        "valid",
        "none",
    ]


def test_records_that_are_not_signed_are_not_held(ask: Run, world: World) -> None:
    told = ask("www.plain.net:443", "--cert", "cert.pem", "--compare", "--json")
    assert told.status == 1
    assert told.json["dns"][0]["state"] == "insecure"


def test_where_nobody_answers_nothing_is_decided(run: Run, world: World) -> None:
    said = run("good.example.net:443", "--cert", "cert.pem", "--compare", "--resolver", f"127.0.0.1@{world.closed}",
               "--anchor", world.anchor, "--now", AT)  # fmt: skip
    assert said.status == 3
    assert "undecided: " in said.err


def test_what_does_not_validate_is_bogus(run: Run, world: World) -> None:
    said = run(f"good.example.net:{world.port}", "--cert", "cert.pem", "--compare", "--resolver", world.resolver,
               "--anchor", world.anchor, "--now", "2027-11-23T12:00:00Z")  # fmt: skip
    assert said.status == 1
    assert "bogus: " in said.err


def test_a_certificate_that_is_past_its_dates_is_told_as_of_the_day_that_is_asked_about(run: Run) -> None:
    assert "CERTIFICATE_EXPIRED" in run("www.example.net", "--cert", "cert.pem", "--now", "2030-01-01T00:00:00Z").err
    assert "CERTIFICATE" not in run("www.example.net", "--cert", "cert.pem", "--now", NOW.isoformat()).err


# -- how long it takes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["zone", "generic", "nsupdate"])
def test_a_record_from_a_certificate_imports_next_to_nothing(tmp_path: Path, form: str) -> None:
    files(tmp_path)
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from danelaw.__main__ import main\n"
        "main()\n"
    )
    said = subprocess.run(  # noqa: S603 - our own interpreter
        [
            sys.executable,
            "-c",
            code,
            "tlsa",
            "www.example.net:443",
            "--cert",
            tmp_path / "fullchain.pem",
            "--format",
            form,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(said.stderr.split())
    assert SPKI in said.stdout
    assert "danelaw.faces.cli.tlsa" in loaded
    assert not loaded & set(HEAVY)


# -- the pages --------------------------------------------------------------------------------------------------------


def commands() -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", HOWTO.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if "danelaw tlsa" in line]


def test_the_commands_of_the_page_do_what_it_says(run: Run, ask: Run, tmp_path: Path, world: World) -> None:
    """Those that ask the network are asked of our own."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "fullchain.pem").write_bytes(pem(LEAF, INTERMEDIATE))
    shown = commands()
    assert len(shown) == 9
    for line in shown:
        words = shlex.split(re.sub(r" (>/dev/null|\||&&) .*", "", re.sub(r"^.*\| danelaw", "danelaw", line)))[2:]
        words = [word.replace("/etc/letsencrypt/live/www.example.net/", "") for word in words]
        if "--from-server" in words:
            assert ask(*words).status == 3  # there is no mail server on port 25 of our host
        elif "--compare" in words:
            assert ask(*words).status == 1  # the record of the tree is another
        else:
            stdin = (tmp_path / "public.pem").read_bytes() if "-" in words else None
            said = run(*words, stdin=stdin)
            assert said.status == 0
            assert SPKI in said.out


def test_the_reference_names_every_option() -> None:
    from danelaw.faces.cli.tlsa import tlsa

    page = REFERENCE.read_text(encoding="utf-8")
    for parameter in tlsa.params:
        assert parameter.param_type_name == "argument" or any(f"`{option}" in page for option in parameter.opts)


def test_a_certificate_for_other_names_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other-names.pem").write_bytes(pem(issue("x", INTERMEDIATE, names=("x.example.net",))))
    said = run("www.example.net:443", "--cert", "other-names.pem")
    assert "NAME_NOT_COVERED" in said.err
