"""The configuration that an operator of the lab's zone would write, with the safety model's times scaled to seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from danelaw.worlds.lab.world import World

TLSA_TTL: Final = 1

LIMITS: Final = {
    "pass_interval": 0.5,
    "gap_passes": 12,
    "hold_floor": 1,
    "lookup_delay": 2,
    "assumed_past_ttl": 2,
    "retention": 600,
    "in_flight": 3,
    "linger": 1.5,
    "renewal_check": 1,
}
"""In seconds, but for the count of passes. A client takes two seconds at most from look-up to judgement."""


def write(world: World, *, tlsa: tuple[str, ...] = ("3 1 1",), challenge: str = "http-01") -> Path:
    """``danelaw.toml`` and the service's file in the world's directory; returns the former."""
    host = world.host.to_text(omit_final_dot=True)
    zone = world.zone.to_text(omit_final_dot=True)
    address, port = world.forwarder
    main = world.directory / "danelaw.toml"
    main.write_text(
        f"""\
[resolver]
forwarders = ["{address}@{port}"]           # answers are validated here, whoever gives them

[clients]
roots = "{world.roots}"

[state]
credentials = "{world.credentials}"

[issuers.lab]
type = "acme"
directory = "{world.acme_directory}"
bundle = "{world.acme_bundle}"
account = "{world.directory / "account"}"
contact = "mailto:hostmaster@{zone}"
challenge = {{ type = "{challenge}", webroot = "{world.webroot}" }}

[publishers.zone]
{_publisher(world)}
zone = "{zone}"
ds_ttl = 1

[limits]                                     # seconds: everything is scaled down
{chr(10).join(f"{key} = {value}" for key, value in LIMITS.items())}
""",
        encoding="utf-8",
    )
    services = world.directory / "services.d"
    services.mkdir(exist_ok=True)
    (services / f"{host}.toml").write_text(
        f"""\
endpoints = ["{host}:443"]
issuer = "lab"
publisher = "zone"
strategy = "staged"
tlsa = {_words(tlsa)}
tlsa_ttl = {TLSA_TTL}
allow_full_certificate = {"true" if any(text.split()[1] == "0" for text in tlsa) else "false"}
deploy = {{ directory = "{world.live}", reload = {_words(world.reload_web)} }}
""",
        encoding="utf-8",
    )
    return main


def _publisher(world: World) -> str:
    """A file that Danelaw signs, or a primary that signs by itself and takes updates."""
    if world.update_key is not None:
        return f"""\
type = "rfc2136"
server = "{world.primary_address}"
key_file = "{world.update_key}\""""
    return f"""\
type = "zonefile"
file = "{world.zone_file}"
signed = "{world.served_zone_file}"
keys = "{world.keys}"
reload = {_words(world.reload_zone)}"""


def _words(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
