"""What is seen before an order is made: names without addresses, addresses that no public CA reaches, bogus answers."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import dns.name
import dns.rdatatype
import pytest
from dns.name import Name
from test_config import MAIN, SERVICE, write

from danelaw.adapters.clock import StoppedClock, ThreadBlocking
from danelaw.adapters.issue.account import AccountFiles, Known
from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.adapters.issue.preflight import Preflight
from danelaw.adapters.issue.standalone import StandaloneSolver
from danelaw.app.config import load
from danelaw.core.model import IP, ChallengeType, DanelawError, OrderState, RRset, Security, Validated
from danelaw.wiring import build, open_world

WWW = dns.name.from_text("www.example.net.")
WILD = dns.name.from_text("*.example.net.")
HTTP, DNS = ChallengeType.HTTP_01, ChallengeType.DNS_01
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Zone:
    """``ports.Resolver``: every name has these addresses. ``mute``: types that get no answer."""

    addresses: tuple[str, ...] = ()
    states: Mapping[str, Security] = field(default_factory=dict)
    mute: tuple[str, ...] = ()
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def resolve(self, name: Name, type: int) -> Validated:
        text = dns.rdatatype.to_text(dns.rdatatype.RdataType(type))
        self.asked.append((name.to_text(), text))
        if text in self.mute:
            raise DanelawError("NO_ANSWER", "nobody answers")
        size = {"A": 4, "AAAA": 16}.get(text, 0)
        rdatas = frozenset(ip.packed for ip in map(ip_address, self.addresses) if len(ip.packed) == size)
        state = self.states.get(text, Security.INSECURE)
        return Validated(name, type, state, (RRset(name, type, 60, rdatas),) if rdatas else ())


def objection(
    zone: Zone, challenge: ChallengeType = HTTP, public: bool = True, name: Name = WWW
) -> DanelawError | None:
    try:
        asyncio.run(Preflight(zone, challenge, public).check((name,)))
    except DanelawError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("zone", "challenge", "public", "code"),
    [
        (Zone(("192.0.0.9",)), HTTP, True, None),
        (Zone(("2001:4860:4860::8888",)), HTTP, True, None),
        (Zone(), HTTP, True, "NAME_WITHOUT_ADDRESS"),
        (Zone(), HTTP, False, "NAME_WITHOUT_ADDRESS"),
        (Zone(), DNS, True, None),
        (Zone(mute=("AAAA",)), HTTP, True, None),
        (Zone(("10.0.0.1",)), HTTP, True, "ADDRESSES_PRIVATE"),
        (Zone(("127.0.0.1", "fd00::1", "fe80::1")), HTTP, True, "ADDRESSES_PRIVATE"),
        (Zone(("100.64.0.1",)), HTTP, True, "ADDRESSES_PRIVATE"),
        (Zone(("10.0.0.1",)), HTTP, False, None),
        (Zone(("10.0.0.1",)), DNS, True, None),
        (Zone(("10.0.0.1",), mute=("AAAA",)), HTTP, True, None),
        (Zone(("10.0.0.1", "2001:4860:4860::8888")), HTTP, True, None),
        (Zone(("192.0.0.9",), {"AAAA": Security.BOGUS}), HTTP, True, "NAME_BOGUS"),
        (Zone(("10.0.0.1",), {"A": Security.BOGUS}), HTTP, False, "NAME_BOGUS"),
        (Zone(states={"SOA": Security.BOGUS}), DNS, True, "NAME_BOGUS"),
        (Zone(states={"A": Security.INDETERMINATE}), HTTP, True, None),
    ],
)
def test_only_what_is_certain_stops_an_order(
    zone: Zone, challenge: ChallengeType, public: bool, code: str | None
) -> None:
    error = objection(zone, challenge, public)
    assert (error.code if error else None) == code
    if error is not None:
        assert error.evidence
        assert "preflight = false" in error.hint


def test_a_response_in_dns_is_not_asked_for_before_it_is_there() -> None:
    """A resolver that the CA shares would go on saying that there is none (RFC 2308 §5)."""
    zone = Zone()
    objection(zone, DNS, name=WILD)
    assert zone.asked == [("example.net.", "SOA")]


@dataclass
class Places:
    port: int

    def locate(self, ip: IP, port: int) -> tuple[str, int]:
        return "127.0.0.1", self.port


def test_a_port_that_somebody_has_is_seen_and_our_own_listener_is_nobody_else(tmp_path: Path) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            solver = StandaloneSolver((ip_address("192.0.2.1"),), Places(taken.getsockname()[1]))
            preflight = Preflight(Zone(("192.0.0.9",)), HTTP, True, solver.ready)
            with pytest.raises(DanelawError) as caught:
                await preflight.check((WWW,))
        assert caught.value.code == "PORT_TAKEN"
        await preflight.check((WWW,))
        await preflight.check((WWW,))

    asyncio.run(test())


def test_what_stands_against_an_order_is_told_before_the_ca_is_asked_for_anything(tmp_path: Path) -> None:
    issuer = AcmeIssuer(
        "https://127.0.0.1:1/directory", None, tmp_path, None, HTTP, None, ThreadBlocking(), StoppedClock(NOW),
        preflight=Preflight(Zone(), HTTP),
    )  # fmt: skip
    with pytest.raises(DanelawError) as caught:
        asyncio.run(issuer.advance(OrderState((WWW,)), b""))
    assert caught.value.code == "NAME_WITHOUT_ADDRESS"
    with pytest.raises(DanelawError) as caught:  # an order that is there goes on
        asyncio.run(issuer.advance(OrderState((WWW,), url="https://127.0.0.1:1/order/1"), b""))
    assert caught.value.code == "CA_UNREACHABLE"


@pytest.mark.parametrize(
    ("directory", "extra", "public", "listens"),
    [
        ("letsencrypt", "", True, False),
        ("letsencrypt-staging", "", True, False),
        ("https://acme-v02.api.letsencrypt.org/directory", "", True, False),
        ("https://ca.test/dir", "", False, False),
        ("letsencrypt", ", preflight = false", None, False),
        ("letsencrypt", "standalone", True, True),
    ],
)
def test_a_ca_that_is_known_by_name_is_known_to_look_from_the_internet(
    tmp_path: Path, directory: str, extra: str, public: bool | None, listens: bool
) -> None:
    instead = "standalone = true" if listens else f'webroot = "www"{extra}'
    text = MAIN.replace("https://ca.test/dir", directory).replace('webroot = "www"', instead)
    config = load(write(tmp_path, text, www=SERVICE))
    (issuer,) = set(build(config, open_world({})).tools.issuers.values())
    assert isinstance(issuer, AcmeIssuer)
    preflight = issuer._preflight
    assert (preflight.public if preflight else None) == public
    assert (preflight is not None and preflight.ready is not None) == listens


# -- a full disk ------------------------------------------------------------------------------------------------------


@contextmanager
def files_no_longer_than(octets: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_does_not_fit_on_the_disk_is_not_left_there(tmp_path: Path) -> None:
    files = AccountFiles(tmp_path)
    with files_no_longer_than(16), pytest.raises(DanelawError) as caught:
        files.key()
    assert caught.value.code == "ACCOUNT_UNREADABLE"
    assert list(tmp_path.iterdir()) == []
    files.remember("https://one/directory", Known("https://one/account/1"))
    with files_no_longer_than(16), pytest.raises(DanelawError):
        files.remember("https://two/directory", Known("https://two/account/7"))
    assert [path.name for path in tmp_path.iterdir()] == ["urls.json"]
    assert files.url("https://one/directory") == "https://one/account/1"
