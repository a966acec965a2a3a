"""P5: the check of many STARTTLS services, against one run of a peer for each. Goal: at least 20 times as many per
CPU-second.

The work: mail hosts in signed zones (``mail_hosts``), some with TLSA records that do not fit. ``danelaw check`` is one
process for all of them: it validates DNSSEC itself, connects as five kinds of client, asks each name server by itself,
and gives a line of JSON for each. A peer is a process for each host: it believes the resolver, or validates one RRset,
and shakes hands once. *As a peer does* is ours with no more than that: addresses and TLSA records looked up and
validated, one handshake, the records matched, in one process, its start included.

The CPU time is that of the checking processes and their children, user and system; servers and the resolver count for
nobody. Verdicts must be the same: accepted, or not. ``ldns-dane`` speaks no STARTTLS: it checks port 465 of the same
hosts, where a dialogue less has to be led. ``openssl s_client`` knows no DNS: ``delv`` looks up what it is given, which
is counted in one line and left out in the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import statistics
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import dns.name
import dns.rdatatype
from dns.name import Name

import mail_hosts
from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces, programs, readings
from danelaw.worlds.lab.real.readings import Answer
from mail_hosts import ANCHOR, BIND_ANCHOR, FOLDER, STARTTLS_PORT, TLS_PORT, Host

GOAL: Final = 20.0
AT_ONCE: Final = 32
HERE: Final = Path(__file__)
DANELAW: Final = (sys.executable, "-m", "danelaw")

Verdicts = dict[str, bool]
"""By the host's name, whether DANE accepts what it presents."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--services", type=int, default=400, help="that ours checks")
    arguments.add_argument("--peers", type=int, default=40, help="of them that each peer checks")
    arguments.add_argument("--zones", type=int, default=40, help="that the services are spread over")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--profile", metavar="FILE", help="keep where our own time goes, and stop")
    arguments.add_argument("--as-a-peer-does", metavar="FILE", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.as_a_peer_does is not None:
        return as_a_peer_does(Path(options.as_a_peer_does).read_text("ascii").split())
    try:
        found = {**programs.find(), "posttls-finger": where_is("posttls-finger")}
        if not namespaces.inside():
            return namespaces.run((sys.executable, *sys.argv), found)
        namespaces.furnish(found)
        crowd = mail_hosts.hosts(options.services, options.zones)
        return asyncio.run(contest(crowd, crowd[: options.peers], found, options.rounds, options.profile))
    except DanelawError as error:
        print(f"p05_check: {error}\n{error.evidence}", file=sys.stderr)
        return 1


def where_is(name: str) -> str:
    for folder in (*os.get_exec_path(), *programs.MORE_PATH):
        if (path := Path(folder) / name).is_file():
            return str(path)
    raise DanelawError("PROGRAM_MISSING", f"{name} is not here: it comes with Postfix")


async def contest(
    crowd: Sequence[Host], some: Sequence[Host], found: dict[str, str], rounds: int, profile: str | None
) -> int:
    async with mail_hosts.standing(crowd, found):
        os.environ["MAIL_CONFIG"] = str(FOLDER)
        if profile is not None:
            return await profiled(crowd, profile)
        contestants = {"danelaw check": (ours, crowd), "  as a peer does": (equal, crowd)}
        contestants |= {name: (Peer(ask, found), some) for name, ask in PEERS.items()}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
        for turn in range(rounds + 1):  # the first warms the resolver
            for name, (check, checked) in contestants.items():
                before = _children()
                verdicts = await check(checked)
                spent = [(now - then) / len(checked) for then, now in zip(before, _children(), strict=True)]
                if verdicts != {host.name: host.fits for host in checked}:
                    print(f"{name} says otherwise: {_differences(verdicts, checked)}", file=sys.stderr)
                    return 1
                if turn:
                    taken[name].append((sum(spent), spent[1]))
    each = {name: statistics.median(spent for spent, _ in turns) * 1000 for name, turns in taken.items()}
    kernel = {name: statistics.median(system for _, system in turns) * 1000 for name, turns in taken.items()}
    print(f"P5 a service checked              CPU  in the kernel   danelaw check  as a peer does   goal {GOAL:.0f}x")
    for name, milliseconds in each.items():
        print(f"  {name:24}{milliseconds:8.2f} ms{kernel[name]:9.2f} ms", end="")
        if name in PEERS:
            ratios = (milliseconds / each[one] for one in ("danelaw check", "  as a peer does"))
            print("".join(f"{ratio:15.1f}x" for ratio in ratios), end="")
        print()
    return 0


def _children() -> tuple[float, float]:
    """CPU seconds, user and system, of the processes that have ended, and of theirs: servers go on and do not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime, used.ru_stime


def _differences(verdicts: Verdicts, crowd: Sequence[Host]) -> str:
    return ", ".join(f"{host.name} ({host.kind})" for host in crowd if verdicts.get(host.name) is not host.fits)


async def said(*argv: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=FOLDER,  # danetool leaves files where it is
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None  # noqa: S101 - it has ended
    return process.returncode, output.decode(errors="replace")


# -- ours --------------------------------------------------------------------------------------------------------------


async def ours(crowd: Sequence[Host]) -> Verdicts:
    targets = FOLDER / "targets"
    targets.write_text("".join(f"{host.name}:{STARTTLS_PORT}\n" for host in crowd), encoding="ascii")
    _, output = await said(*DANELAW, "check", "--json-lines", "--anchor", str(ANCHOR), "--file", str(targets))
    lines = [json.loads(line) for line in output.splitlines()]
    return {line["target"].partition(":")[0]: line["verdict"] == "valid" for line in lines}


async def equal(crowd: Sequence[Host]) -> Verdicts:
    names = FOLDER / "names"
    names.write_text("".join(f"{host.name}\n" for host in crowd), encoding="ascii")
    status, output = await said(sys.executable, str(HERE), "--as-a-peer-does", str(names))
    if status:
        raise AssertionError(output)
    return dict(json.loads(output))


def as_a_peer_does(names: Sequence[str]) -> int:
    """One handshake with each, by its validated addresses, matched with its validated TLSA records."""
    from danelaw import wiring
    from danelaw.core.model import Endpoint, Handshake, Hello, Security
    from danelaw.core.model.addresses import addresses_in
    from danelaw.core.tlsa import TLSA, Reference, TLSARecord, match, tlsa_owner

    eyes, room = wiring.eyes(anchor=ANCHOR, warm=True), asyncio.Semaphore(AT_ONCE)

    async def accepted(host: Name) -> bool:
        async with room:
            asked = ((host, dns.rdatatype.A), (tlsa_owner(STARTTLS_PORT, "tcp", host), TLSA))
            a, tlsa = await asyncio.gather(*(eyes.resolver.resolve(*question) for question in asked))
            if a.state is not Security.SECURE or a.rrset is None:
                return False
            if tlsa.state is not Security.SECURE or tlsa.rrset is None:
                return False
            (ip,) = addresses_in(a.rrset)
            got = await eyes.prober.handshake(Endpoint(host, STARTTLS_PORT, "tcp", "smtp"), ip, Hello(host))
            if not isinstance(got, Handshake):
                return False
            records = [TLSARecord.from_rdata(rdata) for rdata in tlsa.rrset.rdatas]
            known = [record for record in records if isinstance(record, TLSARecord)]
            return match(known, got.chain, Reference((host,)), eyes.clock.now()).by is not None

    async def all_of_them() -> list[bool]:
        return await asyncio.gather(*(accepted(dns.name.from_text(name)) for name in names))

    print(json.dumps(dict(zip(names, asyncio.run(all_of_them()), strict=True))))
    return 0


async def profiled(crowd: Sequence[Host], file: str) -> int:
    await ours(crowd)  # the resolver's cache is warm
    words = ("check", "--json-lines", "--anchor", str(ANCHOR), "--file", str(FOLDER / "targets"))
    _, output = await said(sys.executable, "-c", _BY_CPU_TIME, file, *words)
    print(f"{len(output.splitlines())} lines told; look at {file} with python -m pstats")
    return 0


_BY_CPU_TIME: Final = """
import cProfile, sys, time
from danelaw.__main__ import main
profile = cProfile.Profile(time.process_time)
file = sys.argv.pop(1)
try:
    profile.runcall(main)
finally:
    profile.dump_stats(file)
"""


# -- peers -------------------------------------------------------------------------------------------------------------


class Peer:
    """A process for each host, one after the other."""

    def __init__(self, ask: Callable[[dict[str, str], Host], Awaitable[bool]], found: dict[str, str]) -> None:
        self._ask = ask
        self._found = found

    async def __call__(self, crowd: Sequence[Host]) -> Verdicts:
        return {host.name: await self._ask(self._found, host) for host in crowd}


async def _posttls_finger(found: dict[str, str], host: Host) -> bool:
    """It ends with 0 whatever it finds."""
    words = ("-a", "ipv4", "-c", "-l", "dane-only", "-L", "routine,certmatch,untrusted")
    _, output = await said(found["posttls-finger"], *words, f"[{host.name}]:{STARTTLS_PORT}")
    return re.search(r"^posttls-finger: Verified TLS connection established", output, re.MULTILINE) is not None


async def _danetool(found: dict[str, str], host: Host) -> bool:
    words = ("--local-dns", "--check", host.name, "--port", str(STARTTLS_PORT), "--starttls-proto", "smtp")
    return readings.danetool(*await said(found["danetool"], *words)).answer is Answer.ACCEPTED


async def _ldns_dane(found: dict[str, str], host: Host) -> bool:
    words = ("-4", "-k", str(ANCHOR), "verify", host.name, str(TLS_PORT))
    return readings.ldns_dane(*await said(found["ldns-dane"], *words)).answer is Answer.ACCEPTED


_GIVEN: Final[dict[str, tuple[str, ...]]] = {}
"""What ``delv`` said of each host, for those who need not ask."""


async def _delv_and_s_client(found: dict[str, str], host: Host) -> bool:
    question = (f"_{STARTTLS_PORT}._tcp.{host.name}", "TLSA")
    _, output = await said(found["delv"], "-a", str(BIND_ANCHOR), "+nosplit", "+nodnssec", *question)
    told = readings.delv(output)
    if not isinstance(told, readings.Validated):
        return False
    _GIVEN[host.name] = told.rdatas
    return await _s_client(found, host)


async def _s_client(found: dict[str, str], host: Host) -> bool:
    records = [word for rdata in _GIVEN[host.name] for word in ("-dane_tlsa_rrdata", rdata)]
    to = ("-connect", f"{host.name}:{STARTTLS_PORT}", "-servername", host.name, "-starttls", "smtp", "-brief")
    dane = ("-dane_tlsa_domain", host.name, *records, "-dane_ee_no_namechecks", "-verify_return_error")
    return readings.s_client(*await said(found["openssl"], "s_client", *to, *dane)).answer is Answer.ACCEPTED


PEERS: Final = {
    "delv, openssl s_client": _delv_and_s_client,
    "openssl s_client alone": _s_client,
    "posttls-finger": _posttls_finger,
    "danetool": _danetool,
    "ldns-dane, port 465": _ldns_dane,
}


if __name__ == "__main__":
    sys.exit(main())
