"""The configuration: defaults, what is resolved, and every way to get it wrong."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import dns.name
import pytest

from danelaw.app.config import Config, load
from danelaw.app.issuer_sections import AcmeConfig
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.model import (
    ChallengeType,
    DanelawError,
    Do53,
    DoH,
    DoT,
    Endpoint,
    KeyAlgorithm,
    Limits,
    Lineage,
    SubjectName,
)
from danelaw.core.tlsa import Combination

MAIN = """
[issuers.ca]
type = "acme"
directory = "https://ca.test/dir"
account = "accounts/ca"
challenge = { type = "http-01", webroot = "www" }

[publishers.zone]
type = "zonefile"
zone = "example.net"
file = "zones/example.net.zone"
keys = "keys"
reload = ["reload-zone"]
"""
SERVICE = """
endpoints = ["www.example.net:443"]
issuer = "ca"
publisher = "zone"
deploy = { directory = "live/www", reload = ["reload-web"] }
"""


def write(folder: Path, main: str = MAIN, **services: str) -> Path:
    path = folder / "danelaw.toml"
    path.write_text(main, encoding="utf-8")
    (folder / "services.d").mkdir(exist_ok=True)
    for name, text in services.items():
        (folder / "services.d" / f"{name}.toml").write_text(text, encoding="utf-8")
    return path


def read(folder: Path, main: str = MAIN, **services: str) -> Config:
    return load(write(folder, main, **services))


def refusal(folder: Path, main: str = MAIN, **services: str) -> DanelawError:
    with pytest.raises(DanelawError) as caught:
        read(folder, main, **services)
    return caught.value


def zone_path(config: Config, key: str) -> Path:
    """A path of the only publisher, which is a zone file."""
    found: Path = getattr(config.zones[0], key)
    return found


def acme(config: Config) -> AcmeConfig:
    """The only issuer, which is an ACME CA."""
    issuer = config.issuers["ca"]
    assert isinstance(issuer, AcmeConfig)
    return issuer


# -- what is there -------------------------------------------------------------------------------------------------


def test_an_empty_file_is_a_configuration_of_defaults(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert config.forwarders == ()
    assert config.resolver_ca is None
    assert config.trust_anchor is None
    assert config.client_roots == Path("/etc/ssl/certs/ca-certificates.crt")
    assert config.credentials == Path("/var/lib/danelaw/credentials")
    assert (config.issuers, config.zones, config.services) == ({}, (), ())
    assert config.limits == Limits()


def test_a_service_has_its_defaults(tmp_path: Path) -> None:
    config = read(tmp_path, www=SERVICE)
    (service,) = config.services
    assert service.endpoints == (Endpoint(dns.name.from_text("www.example.net."), 443),)
    assert service.combinations == (Combination(3, 1, 1),)
    assert service.tlsa_ttl == 3600
    assert service.subject == "www.example.net:443/tcp"
    assert service.names == (dns.name.from_text("www.example.net."),)
    (host,) = service.hosts
    assert (host.name, host.reloads, host.tests, host.linked) == ("local", (("reload-web",),), (), True)
    issuer = acme(config)
    assert (issuer.challenge, issuer.contact, issuer.bundle, issuer.profile) == (
        ChallengeType.HTTP_01,
        None,
        None,
        None,
    )


def test_relative_paths_start_at_the_configuration(tmp_path: Path) -> None:
    config = read(tmp_path, MAIN, www=SERVICE)
    (service,) = config.services
    assert zone_path(config, "file") == tmp_path / "zones/example.net.zone"
    assert zone_path(config, "signed") == tmp_path / "zones/example.net.zone.signed"
    assert zone_path(config, "keys") == tmp_path / "keys"
    assert service.hosts[0].directory == tmp_path / "live/www"
    assert acme(config).account == tmp_path / "accounts/ca"
    assert acme(config).webroot == tmp_path / "www"


def test_absolute_paths_stay_as_they_are(tmp_path: Path) -> None:
    main = MAIN.replace('"keys"', '"/keys"').replace('"zones/', '"/zones/') + '[state]\ncredentials = "/creds"\n'
    config = read(tmp_path, main, www=SERVICE.replace("live/www", "/live/www"))
    assert zone_path(config, "keys") == Path("/keys")
    assert zone_path(config, "signed") == Path("/zones/example.net.zone.signed")
    assert config.credentials == Path("/creds")
    assert config.services[0].hosts[0].directory == Path("/live/www")


def test_a_relative_name_of_the_file_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, www=SERVICE)
    monkeypatch.chdir(tmp_path)
    config = load(Path("danelaw.toml"))
    assert zone_path(config, "file") == tmp_path / "zones/example.net.zone"
    assert config.services[0].hosts[0].directory == tmp_path / "live/www"


def test_every_key_of_the_main_file_is_taken(tmp_path: Path) -> None:
    main = """
    [resolver]
    forwarders = ["192.0.2.53", "2001:db8::53@5353", "tls://192.0.2.54#dns.example.net", "https://192.0.2.55/q"]
    ca = "forwarders.pem"
    trust_anchor = "anchor"
    [clients]
    roots = "roots.pem"
    [state]
    credentials = "creds"
    [issuers.ca]
    type = "acme"
    directory = "https://ca.test/dir"
    account = "account"
    contact = "mailto:hostmaster@example.net"
    bundle = "ca.pem"
    profile = "short"
    challenge = { type = "dns-01" }
    [publishers.zone]
    type = "zonefile"
    zone = "a.example.net"
    file = "zone"
    keys = "keys"
    reload = []
    signed = "out"
    parent = "net"
    ds_ttl = 60
    nsec3 = { salt = "AAbb", iterations = 2, opt_out = true }
    zonemd = true
    cds = true
    validity = 864000
    dnskey_ttl = 7200
    algorithm = "ed25519"
    zsk_lifetime = 864000
    [limits]
    linger = 5
    """
    config = read(tmp_path, main)
    assert config.forwarders == (
        Do53(ip_address("192.0.2.53")),
        Do53(ip_address("2001:db8::53"), 5353),
        DoT(ip_address("192.0.2.54"), server_name="dns.example.net"),
        DoH(ip_address("192.0.2.55"), "192.0.2.55", "/q"),
    )
    assert config.resolver_ca == tmp_path / "forwarders.pem"
    assert config.trust_anchor == tmp_path / "anchor"
    assert config.client_roots == tmp_path / "roots.pem"
    assert config.credentials == tmp_path / "creds"
    issuer, (zone,) = acme(config), config.zones
    assert issuer.bundle == tmp_path / "ca.pem"
    assert (issuer.contact, issuer.profile) == ("mailto:hostmaster@example.net", "short")
    assert (issuer.challenge, issuer.webroot) == (ChallengeType.DNS_01, None)
    assert (zone_path(config, "signed"), zone.parent, zone.ds_ttl) == (tmp_path / "out", dns.name.from_text("net."), 60)
    assert isinstance(zone, FileZoneConfig)
    assert zone.nsec3 == NSEC3Chain(b"\xaa\xbb", 2, opt_out=True)
    assert (zone.zonemd, zone.cds, zone.validity, zone.dnskey_ttl) == (True, True, timedelta(days=10), 7200)
    assert zone.algorithm is Algorithm.ED25519
    assert (zone.ksk_lifetime, zone.zsk_lifetime) == (None, timedelta(days=10))
    assert config.limits.linger == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("text", "chain"),
    [("", None), ("nsec3 = false", None), ("nsec3 = true", NSEC3Chain()), ("nsec3 = {}", NSEC3Chain())],
)
def test_names_are_chained_by_nsec_unless_nsec3_is_asked_for(
    tmp_path: Path, text: str, chain: NSEC3Chain | None
) -> None:
    """Without salt and iterations: RFC 9276 §3.1."""
    (zone,) = read(tmp_path, MAIN.replace("keys =", f"{text}\nkeys =")).zones
    assert isinstance(zone, FileZoneConfig)
    assert zone.nsec3 == chain


def test_a_service_may_have_an_rsa_credential_beside_the_other_or_alone(tmp_path: Path) -> None:
    ecdsa, rsa = (Lineage(SubjectName("www.example.net:443/tcp"), algorithm) for algorithm in list(KeyAlgorithm)[:2])
    paths = {ecdsa: tmp_path / "live/www", rsa: tmp_path / "live/www.rsa"}
    for text, lineages, leaving in (
        ("", (ecdsa,), (rsa,)),
        ('algorithms = ["ecdsa", "rsa"]', (ecdsa, rsa), ()),
        ('algorithms = ["rsa"]', (rsa,), (ecdsa,)),
    ):
        (service,) = read(tmp_path, www=f"{SERVICE}{text}\n").services
        assert (service.lineages, service.leaving) == (lineages, leaving)
        assert {line: service.hosts[0].path(line) for line in service.every_lineage} == paths


def test_every_key_of_a_service_is_taken(tmp_path: Path) -> None:
    text = SERVICE.replace('["www.example.net:443"]', '["www.example.net:443/tcp", "example.net:8443"]')
    text += (
        'strategy = "staged"\ntlsa = ["3 0 2", "DANE-EE SPKI SHA2-256"]\ntlsa_ttl = 60\nallow_full_certificate = true\n'
        "withdrawn = true\n"
    )
    (service,) = read(tmp_path, www=text).services
    assert [str(endpoint) for endpoint in service.endpoints] == ["www.example.net:443/tcp", "example.net:8443/tcp"]
    assert service.combinations == (Combination(3, 0, 2), Combination(3, 1, 1))
    assert service.tlsa_ttl == 60
    assert service.withdrawn
    assert not read(tmp_path, www=SERVICE).services[0].withdrawn


@pytest.mark.parametrize(
    ("text", "starttls", "name"),
    [
        ("mail.example.net:25", "smtp", "mail.example.net:25/tcp"),
        ("mail.example.net:993", None, "mail.example.net:993/tcp"),
        ("smtp:mail.example.net:2525", "smtp", "mail.example.net:2525/tcp"),
        ("imap:mail.example.net:143/tcp", "imap", "mail.example.net:143/tcp"),
    ],
)
def test_how_tls_begins_the_port_tells_or_what_is_written_before_it(
    tmp_path: Path, text: str, starttls: str | None, name: str
) -> None:
    (service,) = read(tmp_path, www=SERVICE.replace("www.example.net:443", text)).services
    assert [(endpoint.starttls, str(endpoint)) for endpoint in service.endpoints] == [(starttls, name)]


def test_a_certificate_is_for_the_domains_too_whose_srv_records_name_the_host(tmp_path: Path) -> None:
    both = SERVICE.replace('"www.example.net:443"', '"mail.example.net:25", "mail.example.net:993"')
    names = [dns.name.from_text(name) for name in ("mail.example.net.", "example.org.")]
    (service,) = read(tmp_path, www=both + 'domains = ["example.org"]\n').services
    assert service.names == tuple(names)
    smtp = SERVICE.replace("www.example.net:443", "mail.example.net:25")
    (service,) = read(tmp_path, www=smtp + 'domains = ["example.org"]\n').services
    assert service.names == (names[0],)


def test_mail_servers_are_given_time_between_look_up_and_handshake(tmp_path: Path) -> None:
    mail = SERVICE.replace("www.example.net:443", "mail.example.net:25") + 'domains = ["example.net", "example.org"]\n'
    found = read(tmp_path, www=mail)
    assert found.limits.lookup_delay == timedelta(minutes=15)
    assert found.services[0].domains == tuple(map(dns.name.from_text, ("example.net.", "example.org.")))
    assert read(tmp_path, MAIN + "[limits]\nlookup_delay = 30\n", www=mail).limits.lookup_delay == timedelta(seconds=30)
    assert read(tmp_path, www=SERVICE).limits.lookup_delay == timedelta(minutes=1)


def test_the_parent_zone_is_one_label_up(tmp_path: Path) -> None:
    assert read(tmp_path).zones[0].parent == dns.name.from_text("net.")


def test_services_come_in_the_order_of_their_files(tmp_path: Path) -> None:
    def of(host: str) -> str:
        return SERVICE.replace("www.", f"{host}.").replace("live/www", f"live/{host}")

    config = read(tmp_path, b=of("x"), a=of("z"), c=of("y"))
    assert [service.names[0].labels[0] for service in config.services] == [b"z", b"x", b"y"]


def test_only_toml_files_are_services(tmp_path: Path) -> None:
    path = write(tmp_path, www=SERVICE)
    (tmp_path / "services.d" / "www.toml~").write_text("not toml at all", encoding="utf-8")
    assert len(load(path).services) == 1


def test_names_in_any_script_become_a_labels(tmp_path: Path) -> None:
    """RFC 5891: U-labels are for people."""
    main = MAIN.replace('"example.net"', '"bücher.example"')
    (service,) = read(tmp_path, main, www=SERVICE.replace("www.example.net", "www.bücher.example")).services
    assert service.names == (dns.name.from_text("www.xn--bcher-kva.example."),)
    assert service.subject == "www.xn--bcher-kva.example:443/tcp"


@pytest.mark.parametrize("name", list(Limits().as_seconds()))
def test_every_limit_can_be_set(tmp_path: Path, name: str) -> None:
    changed = read(tmp_path, f"[limits]\n{name} = 2\n").limits.as_seconds()
    assert changed == Limits().as_seconds() | {name: 2.0}


# -- what is wrong -------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DanelawError) as caught:
        load(tmp_path / "danelaw.toml")
    assert caught.value.code == "CONFIG_UNREADABLE"
    assert "--config" in caught.value.hint


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DanelawError) as caught:
        load(path)
    assert caught.value.code == "CONFIG_UNREADABLE"


def test_what_is_not_toml_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path, "[resolver").code == "CONFIG_SYNTAX"
    assert refusal(tmp_path, www="endpoints = [").code == "CONFIG_SYNTAX"


@pytest.mark.parametrize(
    ("main", "said", "hint"),
    [
        ('[state]\ndirectory = "/var/lib/danelaw"\n', "unknown field `directory`", "other tables have it"),
        ("[resolvr]", "resolvr", ""),
        ('[resolver]\nforwarder = ["::1"]', "forwarder", "forwarders"),
        (MAIN.replace("account =", "acount ="), "acount", "account"),
        (MAIN.replace("keys =", "kyes ="), "kyes", "keys"),
        (MAIN.replace("webroot =", "web_root ="), "web_root", "webroot"),
        (MAIN.replace("keys =", "nsec3 = { slat = 'aa' }\nkeys ="), "slat", "salt"),
        (MAIN.replace("keys =", "nsec3 = { salt = 'aab' }\nkeys ="), "nsec3.salt", ""),
        (MAIN.replace("keys =", "nsec3 = { iterations = 65536 }\nkeys ="), "nsec3.iterations", ""),
        (MAIN.replace("keys =", "validity = 60\nkeys ="), "validity", ""),
        (MAIN.replace("keys =", "algorithm = 'ed2551'\nkeys ="), "not known", "ED25519"),
        (MAIN.replace("keys =", "algorithm = 'RSASHA1'\nkeys ="), "RFC 9905", "ECDSAP256SHA256"),
        ("[limits]\nlingr = 5", "lingr", "linger"),
        ("[limits]\nnothing_like_it = 5", "nothing_like_it", "limits are"),
        ("[limits]\nlinger = -1", "negative", ""),
        ('[limits]\nlinger = "5"', "limits", ""),
        ('[resolver]\nforwarders = ["dns.example.net"]', "dns.example.net", "IP@PORT"),
        ('[resolver]\nforwarders = ["192.0.2.1@70000"]', "70000", ""),
        ('[resolver]\nforwarders = ["192.0.2.1@0"]', "port 0", ""),
        ('[resolver]\nforwarders = ["192.0.2.1@x"]', "192.0.2.1@x", ""),
        ('[resolver]\nforwarders = "192.0.2.1"', "array", ""),
        ('[resolver]\nforwarders = ["tls://dns.example.net"]', "tls://dns.example.net", "tls://IP#SERVER.NAME"),
        (
            '[resolver]\nforwarders = ["https://dns.example.net/dns-query"]',
            "address",
            "https://SERVER.NAME/dns-query#IP",
        ),
        ('[resolver]\nforwarders = ["quic://192.0.2.1"]', "quic://192.0.2.1", "https://"),
        (MAIN.replace('"example.net"', '"."'), "root", ""),
        (MAIN.replace('"example.net"', '"example..net"'), "example..net", ""),
        (MAIN.replace('"example.net"', f'"{"a" * 64}.net"'), "aaa", ""),
        (MAIN.replace('type = "acme"', 'type = "acne"'), "acne", ""),
        (MAIN.replace('directory = "https://ca.test/dir"', ""), "directory", ""),
        (MAIN.replace(', webroot = "www"', ""), "webroot", "dns-01"),
        (MAIN.replace("http-01", "tls-01"), "tls-01", ""),
    ],
)
def test_what_is_not_right_in_the_main_file_is_told(tmp_path: Path, main: str, said: str, hint: str) -> None:
    problem = refusal(tmp_path, main)
    assert problem.code == "CONFIG_INVALID"
    assert said in problem.evidence
    assert hint in problem.hint
    assert "danelaw.toml" in problem.message


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ("endpoints", "endpoint", "endpoint", "endpoints"),
        ('issuer = "ca"', 'issuer = "cb"', "cb", "ca"),
        ('publisher = "zone"', 'publisher = "zoen"', "zoen", "zone"),
        ('["www.example.net:443"]', "[]", "endpoint", "endpoints ="),
        ("www.example.net:443", "www.example.net", "www.example.net", "HOST:PORT"),
        ("www.example.net:443", "www.example.net:0", ":0", "HOST:PORT"),
        ("www.example.net:443", "www.example.net:65536", "65536", "HOST:PORT"),
        ("www.example.net:443", "www.example.net:443/udp", "udp", "HOST:PORT"),
        ("www.example.net:443", "https://www.example.net:443", "https", "HOST:PORT"),
        ("www.example.net:443", "www..example.net:443", "www..example.net", ""),
        ("www.example.net:443", "www.example.org:443", "does not lie in", ""),
        ("deploy", 'strategy = "bold"\ndeploy', "bold", ""),
        ("deploy", 'algorithms = ["dsa"]\ndeploy', "dsa", ""),
        ("deploy", "algorithms = []\ndeploy", "algorithms", "rsa"),
        ("deploy", 'algorithms = ["rsa", "rsa"]\ndeploy', "algorithms", "rsa"),
        ("deploy", 'tlsa = ["3 1"]\ndeploy', "3 1", "3 1 1"),
        ("deploy", 'tlsa = ["3 1 9"]\ndeploy', "3 1 9", "3 1 1"),
        ("deploy", 'tlsa = ["3 1 2"]\ndeploy', "3 1 2", "matching type 1"),
        ("deploy", "tlsa = []\ndeploy", "nothing", "matching type 1"),
        ("deploy", 'tlsa = ["3 0 1"]\ndeploy', "selector 0", "allow_full_certificate"),
        ("deploy", 'tlsa = ["1 0 1"]\ndeploy', "selector 0", "allow_full_certificate"),
        ("deploy", "tlsa_ttl = -1\ndeploy", "tlsa_ttl", ""),
        ("deploy", "tlsa_ttl = 2147483648\ndeploy", "tlsa_ttl", ""),
        ('directory = "live/www", ', "", "directory", ""),
        ('["reload-web"]', '"reload-web"', "array", ""),
        ("www.example.net:443", "smtp:example.net", "smtp:example.net", "HOST:PORT"),
        ("www.example.net:443", "_443._tcp.www.example.net", "_443._tcp", "HOST:PORT"),
        ("deploy", 'domains = ["example.net"]\ndeploy', "MX or SRV", "smtp:"),
        ("deploy", 'domains = ["example..net"]\ndeploy', "example..net", ""),
    ],
)
def test_what_is_not_right_in_a_service_is_told(tmp_path: Path, old: str, new: str, said: str, hint: str) -> None:
    problem = refusal(tmp_path, www=SERVICE.replace(old, new, 1))
    assert problem.code == "CONFIG_INVALID"
    assert said in problem.evidence
    assert hint in problem.hint
    assert "www.toml" in problem.message


def test_a_ca_certificate_may_be_pinned_without_opting_in(tmp_path: Path) -> None:
    (service,) = read(tmp_path, www=SERVICE + 'tlsa = ["2 0 1", "3 1 1"]\n').services
    assert service.combinations == (Combination(2, 0, 1), Combination(3, 1, 1))


def test_no_endpoint_is_named_twice(tmp_path: Path) -> None:
    problem = refusal(tmp_path, a=SERVICE, b=SERVICE)
    assert problem.code == "CONFIG_INVALID"
    assert "www.example.net:443/tcp" in problem.evidence
    twice = SERVICE.replace('["www.example.net:443"]', '["www.example.net:443", "WWW.example.net:443/tcp"]')
    (tmp_path / "services.d" / "b.toml").unlink()
    assert refusal(tmp_path, a=twice).code == "CONFIG_INVALID"


def test_two_publishers_cannot_have_one_zone(tmp_path: Path) -> None:
    second = MAIN[MAIN.index("[publishers") :].replace("publishers.zone", "publishers.other")
    problem = refusal(tmp_path, MAIN + second)
    assert problem.code == "CONFIG_INVALID"
    assert "example.net." in problem.evidence


def test_without_issuers_that_is_what_is_said(tmp_path: Path) -> None:
    problem = refusal(tmp_path, MAIN[MAIN.index("[publishers") :], www=SERVICE)
    assert problem.hint == "no issuers are configured"
