"""A process that takes an order on from where a file says it is, and may be killed anywhere.

    issuing_program.py FOLDER DIRECTORY BUNDLE WEBROOT

``FOLDER`` has ``request.der``, ``account``, and ``order.json`` where an order was begun; ``chain.pem`` is written last.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dns.name

from danelaw.adapters.clock import SystemClock, ThreadBlocking
from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.adapters.store.codec import decode, encode
from danelaw.core.model import ChallengeType, Failed, Issued, NeedChallenge, OrderState


async def main(folder: Path, directory: str, bundle: Path, webroot: Path) -> None:
    at, clock = folder / "order.json", SystemClock()
    issuer = AcmeIssuer(
        directory, None, folder / "account", bundle, ChallengeType.HTTP_01, None, ThreadBlocking(), clock,
        step_limit=timedelta(seconds=30),
    )  # fmt: skip
    order = decode(at.read_text()) if at.exists() else OrderState((dns.name.from_text("www.example.net."),))
    assert isinstance(order, OrderState)
    csr = (folder / "request.der").read_bytes()
    while True:
        step = await issuer.advance(order, csr)
        order = step.order
        match step:
            case NeedChallenge(challenges=challenges):
                for challenge in challenges:
                    await WebrootSolver(webroot).place(challenge)
                order = replace(order, placed=order.placed | {challenge.url for challenge in challenges})
            case Issued(chain=chain):
                (folder / "leaf.der").write_bytes(chain.ders[0])
                return
            case Failed():
                raise SystemExit(f"{step.code}: {step.detail}")
            case _:
                await clock.sleep_until(step.until)
        new = folder / "order.new"
        new.write_text(encode(order))
        new.replace(at)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))
