"""A service whose TLSA owner and whose ``_acme-challenge`` are aliases into another zone, kept by another BIND under
another key: from nothing to a certificate by dns-01 and a record that all believe. A script: prints JSON.

All that changes in the zone of the service is what the operator writes on the first day. It delegates the other one,
with a DS.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Final

import dns.asyncquery
import dns.dnssec
import dns.message
import dns.name
import dns.rdatatype
import dns.tsigkeyring
import dns.update
from dns.rdatatype import RdataType as T
from killed_play import DANELAW, follow_cds, rdatas
from standing_world import until

from danelaw.adapters.clock import SubprocessCommands
from danelaw.faces.cli.lab import real_world
from danelaw.worlds.lab import configuration
from danelaw.worlds.lab.operator_files import ZONE
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.bind import Key, Named
from danelaw.worlds.lab.real.world import LIMIT, POLICY, RealWorld

HERE: Final = Place(IPv4Address("192.0.2.20"), IPv6Address("2001:db8::20"))
ELSEWHERE: Final = dns.name.from_text("elsewhere", ZONE)
ALIASES: Final = {
    "_acme-challenge.www.dotnxdomain.net.": "www.challenges.elsewhere.dotnxdomain.net.",
    "_443._tcp.www.dotnxdomain.net.": "www.tlsa.elsewhere.dotnxdomain.net.",
}
CHALLENGE, TLSA = ALIASES.values()
ZONE_TEXT: Final = f"""\
$ORIGIN {ELSEWHERE}
$TTL 2
@   SOA ns1 hostmaster 1 3600 900 1209600 1
    NS  ns1
ns1 A   {HERE.v4}
    AAAA {HERE.v6}
"""


async def told(*argv: str) -> str:
    done = await SubprocessCommands().run(argv, LIMIT)
    assert done.status == 0, done
    return done.output


async def another_primary(world: RealWorld, key: Key) -> Path:
    """It stands beside the first one, which knows nothing of ``key``. Where the key lies for Danelaw."""
    found = programs.find()
    for ip in HERE:
        await told(found["ip"], "addr", "add", f"{ip}/{ip.max_prefixlen}", "dev", "lo")
    folder = world.directory / "elsewhere"
    (folder / "keys").mkdir(parents=True)
    (folder / "zone").write_text(ZONE_TEXT)
    update = f'update-policy {{ grant "{key.name}" subdomain challenges.{ELSEWHERE} TXT; '
    update += f'grant "{key.name}" subdomain tlsa.{ELSEWHERE} TLSA; }};'
    named = Named(
        folder,
        HERE,
        ELSEWHERE,
        {**found, "named": str(world.directory / "bin" / "named")},
        zone=f'file "{folder}/zone"; dnssec-policy "lab"; inline-signing no; {update}',
        options=f'allow-transfer {{ none; }}; notify no; key-directory "{folder}/keys";',
        statements=key.statement() + POLICY,
    )
    await world.supervisor.start(named.server())
    file = folder / "update.key"
    file.touch(0o600)
    file.write_text(key.statement())
    return file


async def first_day(world: RealWorld) -> None:
    """What the operator writes into the zone of the service: a delegation with its DS, and the aliases."""
    keys: list[Any] = []

    async def signed() -> bool:
        keys[:] = await rdatas(ELSEWHERE.to_text(), T.DNSKEY, HERE.v4)
        return bool(keys)

    await until("the other zone is signed", signed)
    assert world.update_key is not None
    name, secret = world.update_key.read_text().split('"')[1:4:2]
    change = dns.update.UpdateMessage(ZONE, keyring=dns.tsigkeyring.from_text({name: secret}))
    ns1 = dns.name.from_text("ns1", ELSEWHERE)
    change.add(ELSEWHERE, 2, "NS", ns1.to_text())
    change.add(ns1, 2, "A", str(HERE.v4))
    change.add(ELSEWHERE, 2, dns.dnssec.make_ds(ELSEWHERE, keys[0], "SHA256"))
    for alias, target in ALIASES.items():
        change.add(dns.name.from_text(alias), 2, "CNAME", target)
    reply = await dns.asyncquery.tcp(change, str(world.primary_address), timeout=LIMIT.total_seconds())
    assert reply.rcode() == 0, reply


def configure(world: RealWorld, key_file: Path) -> Path:
    config = configuration.write(world, challenge="dns-01")
    text = config.read_text()
    text = text.replace("[state]\n", f'[state]\nstore = "{world.directory}/state/store.sqlite"\n')
    text = text.replace("[resolver]\n", f'[resolver]\ntrust_anchor = "{world.anchor_file}"\n')
    config.write_text(f"""{text}
[publishers.elsewhere]
type = "rfc2136"
server = "{HERE.v4}"
key_file = "{key_file}"
zone = "{ELSEWHERE}"
ds_ttl = 2
""")
    return config


async def danelaw(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(*DANELAW, *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def written(log: str) -> list[list[str]]:
    """Each record that an update added, as (name, type)."""
    return [list(found) for found in re.findall(r": adding an RR at '(\S+)' (\S+)", log)]


async def play(world: RealWorld) -> dict[str, Any]:
    key = Key("elsewhere-only")
    config = configure(world, await another_primary(world, key))
    await first_day(world)
    following = asyncio.create_task(follow_cds(world))
    passes: list[dict[str, Any]] = []

    async def settled() -> bool:
        status, out, err = await danelaw("run", "--json", "--wait", "10", "--config", str(config))
        assert status in (0, 1, 3), err
        said = [json.loads(line) for line in out.splitlines() if line.startswith('{"schema": "danelaw/run')]
        passes.extend(said)
        kinds = {one["subject"]: one["kind"] for one in said}
        return len(kinds) == 3 and set(kinds.values()) == {"settled"}

    try:
        await until("all is settled", settled, 150)
    except AssertionError:
        sys.stderr.write(json.dumps(passes[-6:], indent=1))
        raise
    following.cancel()
    forwarder = ("--resolver", str(addresses.FORWARDER.v4), "--anchor", str(world.anchor_file))
    roots = ("--ca", str(world.roots))
    status, out, err = await danelaw("check", "www.dotnxdomain.net:443", "--json", *forwarder, *roots)

    async def at(place: Place, name: str, type: T) -> list[str]:
        return sorted(rdata.to_text() for rdata in await rdatas(name, type, place.v4))

    return {
        "did": [one["action"] for one in passes if one["kind"] == "action" and one["outcome"]["ok"]],
        "check": [status, json.loads(out)["verdict"] if out else err],
        "aliases": {alias: await at(addresses.PRIMARY, alias, T.CNAME) for alias in ALIASES},
        "tlsa": await at(HERE, TLSA, T.TLSA),
        "responses": await at(HERE, CHALLENGE, T.TXT),
        "written": {
            str(zone): written((world.directory / folder / "named.log").read_text())
            for zone, folder in ((ZONE, "primary"), (ELSEWHERE, "elsewhere"))
        },
    }


async def _main() -> None:
    async with real_world("rfc2136", lag=0.5) as world:
        print(json.dumps(await play(world)))


if __name__ == "__main__":
    if not namespaces.inside():
        sys.exit(namespaces.run((sys.executable, *sys.argv), programs.find()))
    namespaces.furnish(programs.find())
    asyncio.run(_main())
