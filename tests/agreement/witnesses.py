"""The verifiers of others, each asked of many cases: what they say, in one form."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from agreement.cases import Case, Word
from agreement.chains import HOST
from agreement.libssl import NO_NAMES_UNDER_DANE_EE, LibSSL
from agreement.presenting import presenting
from danelaw.worlds.lab.real import readings
from danelaw.worlds.lab.real.readings import Answer, Reading

AT_ONCE: Final = 3
PORT: Final = 4443  # where nobody looks: ldns-dane is given the chain in a file
TESTS: Final = Path(__file__).parent.parent


def by_libssl(library: LibSSL, cases: Iterable[Case], at: datetime, *, names_under_dane_ee: bool) -> list[Word]:
    """A chain that passes by PKIX alone, no record being usable, counts as refused: DANE had no say."""
    flags = 0 if names_under_dane_ee else NO_NAMES_UNDER_DANE_EE
    words = []
    for case in cases:
        roots = [root.der for root in case.presented.roots]
        judged = library.judge(case.records, case.presented.chain.ders, HOST, roots, at, flags)
        accepts = judged.accepted and judged.record is not None
        words.append(Word(accepts, judged.error, judged.depth if accepts else None, judged.record))
    return words


async def by_s_client(
    program: str, folder: Path, files: Mapping[str, Path], cases: Sequence[Case], *words: str
) -> list[Word]:
    """``openssl s_client`` against a server that presents the chain; ``words`` are more of its arguments."""
    named = sorted({case.presented.name for case in cases})

    async def ask(case: Case, port: int) -> Word:
        records = (word for record in case.records for word in ("-dane_tlsa_rrdata", record.to_text()))
        to = ("-connect", f"127.0.0.1:{port}", "-starttls", "smtp", "-dane_tlsa_domain", HOST, *records)
        roots = ("-CAfile", str(_roots(folder, case)), "-no-CApath", "-no-CAstore")
        said = await _said(folder, program, "s_client", *to, *roots, "-verify_return_error", "-brief", *words)
        return _word(readings.s_client(*said))

    async with presenting("127.0.0.1", [files[name] for name in named]) as ports:
        at = dict(zip(named, ports, strict=True))
        return await _some_at_once(ask(case, at[case.presented.name]) for case in cases)


async def by_ldns_dane(program: str, folder: Path, cases: Sequence[Case]) -> list[Word]:
    """``ldns-dane verify``, with chain and records in files: no server, and no DNS."""

    async def ask(number: int, case: Case) -> Word:
        chain, records = folder / f"sent{number}.pem", folder / f"records{number}"
        chain.write_text("".join(one.pem for one in case.presented.sent), encoding="ascii")
        rdatas = [record.to_rdata() for record in case.records]
        lines = (f"_{PORT}._tcp.{HOST}. 60 IN TYPE52 \\# {len(rdata)} {rdata.hex()}\n" for rdata in rdatas)
        records.write_text("".join(lines), encoding="ascii")
        given = ("-f", str(_roots(folder, case)), "-t", str(records), "-c", str(chain))
        return _word(readings.ldns_dane(*await _said(folder, program, *given, "verify", HOST, str(PORT))))

    return await _some_at_once(ask(number, case) for number, case in enumerate(cases))


def in_a_room(
    folder: Path, programs: Mapping[str, str], files: Mapping[str, Path], cases: Mapping[str, Sequence[Case]]
) -> dict[str, list[Word]]:
    """``danetool`` and ``posttls-finger``, each asked of its cases in a way of ``agreement.room``."""
    asked = [(how, case) for how, some in cases.items() for case in some]
    told = [
        {
            "how": how,
            "pem": str(files[case.presented.name]),
            "rdatas": [record.to_rdata().hex() for record in case.records],
        }
        for how, case in asked
    ]
    (folder / "programs.json").write_text(json.dumps(programs), encoding="utf-8")
    (folder / "cases.json").write_text(json.dumps(told), encoding="ascii")
    done = subprocess.run(  # noqa: S603  # a script of these tests
        (sys.executable, "-m", "agreement.room", str(folder)),
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said: dict[str, list[Word]] = {how: [] for how in cases}
    for (how, _), (status, output) in zip(asked, json.loads((folder / "said.json").read_text()), strict=True):
        read = readings.danetool if how == "danetool" else posttls_finger
        said[how].append(_word(read(status, output)))
    return said


def posttls_finger(status: int, output: str) -> Reading:
    """Of ``posttls-finger -l dane-only``, which ends with 0 whatever it finds. Untrusted TLS is no verdict of DANE's
    where nothing was usable, and accepts nothing either."""
    lines = [line.removeprefix("posttls-finger: ") for line in output.splitlines()]
    if status == 0 and any(line.startswith("Verified TLS connection established") for line in lines):
        return Reading(Answer.ACCEPTED, next(line for line in lines if " Matched DANE " in line))
    kept = [line for line in lines if "failed for" in line or "panic" in line or "unusable" in line]
    return Reading(Answer.REFUSED, kept[-1] if kept else f"{status}: {lines[-1:]}")


def _word(reading: Reading) -> Word:
    accepts = reading.answer is Answer.ACCEPTED
    told = re.search(r"at depth (\d+)", reading.because) if accepts else None
    return Word(accepts, reading.because, int(told[1]) if told else None)


def _roots(folder: Path, case: Case) -> Path:
    pem = "".join(root.pem for root in case.presented.roots)
    path = folder / f"roots{hash(pem):x}.pem"
    if not path.exists():
        path.write_text(pem, encoding="ascii")
    return path


async def _said(folder: Path, *argv: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")


async def _some_at_once(asking: Iterable[Coroutine[None, None, Word]]) -> list[Word]:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(question: Coroutine[None, None, Word]) -> Word:
        async with at_once:
            return await question

    return list(await asyncio.gather(*map(one, asking)))
