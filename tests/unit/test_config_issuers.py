"""The configuration of issuers: every type of them, and what does not go together."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from test_config import MAIN, SERVICE, acme, read, refusal, write

from danelaw.adapters.deploy import DirectoryCredentials
from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.adapters.issue.command import CommandIssuer
from danelaw.adapters.issue.seen import SeenSolver
from danelaw.adapters.issue.selfsigned import Own, SelfSignedIssuer
from danelaw.adapters.issue.standalone import StandaloneSolver
from danelaw.adapters.issue.watch import WatchedCredentials, WatchIssuer
from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.app.config import load
from danelaw.app.issuer_sections import CommandConfig, SelfSignedConfig, WatchConfig
from danelaw.core.model import ChallengeType
from danelaw.wiring import build, open_world

PUBLISHER = MAIN[MAIN.index("[publishers") :]
ACME = '[issuers.ca]\ntype = "acme"\naccount = "account"\n'
PINNED = SERVICE + 'strategy = "pinned"\n'


def main(issuer: str) -> str:
    return f"[issuers.ca]\n{issuer}\n{PUBLISHER}"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"),
        ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
        ("https://ca.test/dir", "https://ca.test/dir"),
        ("http://127.0.0.1:14000/dir", "http://127.0.0.1:14000/dir"),
        ("http://[::1]/dir", "http://[::1]/dir"),
        ("http://localhost/dir", "http://localhost/dir"),
    ],
)
def test_a_ca_is_known_by_name_or_by_url(tmp_path: Path, name: str, url: str) -> None:
    config = read(tmp_path, MAIN.replace("https://ca.test/dir", name), www=SERVICE)
    assert acme(config).directory == url


def test_an_acme_ca_has_everything_that_can_be_said_of_it(tmp_path: Path) -> None:
    text = ACME + (
        'directory = "letsencrypt"\npreferred_chain = "ISRG Root X2"\nbinding = { kid = "k", key_file = "eab" }\n'
        'challenge = { standalone = true, listen = ["192.0.2.1"], preflight = false }\n'
    )
    issuer = acme(read(tmp_path, text + PUBLISHER))
    assert (issuer.preferred_chain, issuer.binding) == ("ISRG Root X2", ("k", tmp_path / "eab"))
    assert (issuer.challenge, issuer.webroot) == (ChallengeType.HTTP_01, None)
    assert (issuer.listen, issuer.preflight) == ((ip_address("192.0.2.1"),), False)


def test_issuers_without_acme_have_their_defaults(tmp_path: Path) -> None:
    own = read(tmp_path, main('type = "selfsigned"'), www=SERVICE).issuers["ca"]
    assert isinstance(own, SelfSignedConfig)
    assert own.lifetime == timedelta(days=365)
    program = read(tmp_path, main('type = "command"\ncommand = ["sign"]'), www=SERVICE).issuers["ca"]
    assert isinstance(program, CommandConfig)
    assert (program.command, program.timeout, program.lifetime) == (("sign",), timedelta(minutes=1), None)
    other = read(tmp_path, main('type = "watch"\nclient = "certbot"\ndirectory = "live"'), www=PINNED).issuers["ca"]
    assert isinstance(other, WatchConfig)
    assert (other.client, other.directory, other.name) == ("certbot", tmp_path / "live", None)


@pytest.mark.parametrize(
    ("text", "service", "said", "hint"),
    [
        (MAIN.replace("https://ca.test/dir", "letsencript"), SERVICE, "letsencript", "'letsencrypt'"),
        (MAIN.replace("https://ca.test/dir", "zerossl"), SERVICE, "zerossl", "URL"),
        *(
            (MAIN.replace("https://ca.test/dir", url), SERVICE, "in the clear", "bundle")
            for url in (
                "http://ca.test/dir",
                "http://192.0.2.1/dir",
                "http://localhost.test/dir",
                "http://127.0.0.1@ca.test/",
                "http:///dir",
                "http://[::1/dir",
            )
        ),
        (MAIN.replace('webroot = "www"', 'webroot = "www", standalone = true'), SERVICE, "listener", "webroot"),
        (MAIN.replace('"http-01"', '"dns-01", standalone = true'), SERVICE, "no web server", "http-01"),
        (
            MAIN.replace('webroot = "www"', 'standalone = true, listen = ["localhost"]'),
            SERVICE,
            "localhost",
            "192.0.2.1",
        ),
        (main('type = "selfsigned"'), SERVICE + 'tlsa = ["3 1 1", "2 1 1"]', "3 1 1", "3 1 1"),
        (main('type = "command"\ncommand = []'), SERVICE, "command", ""),
        (main('type = "watch"\nclient = "certbot"\ndirectory = "l"'), SERVICE, "standby", "pinned"),
        (main('type = "watch"\nclient = "caddy"\ndirectory = "l"'), PINNED, "caddy", ""),
        (
            main('type = "watch"\nclient = "certbot"\ndirectory = "l"'),
            PINNED + 'algorithms = ["ecdsa", "rsa"]\n',
            "one key",
            "one of them",
        ),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path: Path, text: str, service: str, said: str, hint: str) -> None:
    problem = refusal(tmp_path, text, www=service)
    assert problem.code == "CONFIG_INVALID"
    assert said in problem.evidence
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("text", "service", "issuer", "solver", "credentials"),
    [
        (MAIN, SERVICE, AcmeIssuer, SeenSolver, DirectoryCredentials),
        (MAIN.replace('"www"', '"www", preflight = false'), SERVICE, AcmeIssuer, WebrootSolver, DirectoryCredentials),
        (
            MAIN.replace('webroot = "www"', "standalone = true, preflight = false"),
            SERVICE,
            AcmeIssuer,
            StandaloneSolver,
            DirectoryCredentials,
        ),
        (main('type = "selfsigned"'), SERVICE, SelfSignedIssuer, None, DirectoryCredentials),
        (main('type = "command"\ncommand = ["sign"]'), SERVICE, CommandIssuer, None, DirectoryCredentials),
        (
            main('type = "watch"\nclient = "lego"\ndirectory = "certificates"'),
            PINNED,
            WatchIssuer,
            None,
            WatchedCredentials,
        ),
    ],
)
def test_each_type_is_wired_to_what_does_it(
    tmp_path: Path, text: str, service: str, issuer: type, solver: type | None, credentials: type
) -> None:
    config = load(write(tmp_path, text, www=service))
    tools = build(config, open_world({})).tools
    (lineage,) = config.services[0].lineages
    assert type(tools.issuers[lineage]) is issuer
    assert type(tools.credentials[lineage]) is credentials
    assert [type(ca) for ca in tools.cas.values()] == [Own if issuer is SelfSignedIssuer else issuer]
    assert [type(found) for found in [tools.solvers.get(lineage)] if found is not None] == ([solver] if solver else [])


def test_a_ca_is_known_that_no_service_names_any_more(tmp_path: Path) -> None:
    """It may have to revoke what it issued."""
    left = '[issuers.left]\ntype = "acme"\ndirectory = "https://left.test/dir"\naccount = "left"\n'
    left += 'challenge = { type = "dns-01" }\n'
    tools = build(load(write(tmp_path, left + MAIN, www=SERVICE)), open_world({})).tools
    assert tools.cas.keys() == {"https://left.test/dir", "https://ca.test/dir"}
    assert tools.cas["https://ca.test/dir"] in tools.issuers.values()
