"""A process with an order is killed at each step, after the CA did its part and before anybody heard of it; the next
process ends up with the same order and the same certificate."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from acme_world import WWW, csr_for
from cryptography import x509
from fault_proxy import FaultProxy, fault_proxy
from issue_benches import LAB, IssuerWorld, in_issuer_world

from go_between import Held

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("issuing_program.py")
PATIENCE = 60


async def process(here: IssuerWorld, proxy: FaultProxy) -> asyncio.subprocess.Process:
    words = (str(here.tmp), proxy.url, str(proxy.bundle), str(here.webroot))
    return await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), *words)


@pytest.mark.parametrize(
    ("steps", "orders"),
    [
        (("new-account", "order", "challenge", "finalize", "certificate"), 1),
        # Of an order whose reply was lost nobody knows the URL: that takes another. From then on it is known.
        (("new-order", "authorization", "order", "finalize", "order", "certificate"), 2),
    ],
)
def test_killed_at_every_step_the_order_ends_in_its_one_certificate(
    tmp_path: Path, steps: tuple[str, ...], orders: int
) -> None:
    """One process after the other is killed, each one step further on; the last is left alive."""

    async def test(here: IssuerWorld) -> None:
        ca = here.place_of.lab
        assert ca is not None
        (tmp_path / "request.der").write_bytes(csr_for((WWW,)))
        async with fault_proxy(ca, tmp_path / "proxy") as proxy, asyncio.timeout(PATIENCE):
            for what in steps:
                held = Held()
                proxy.next(what, held)
                doomed = await process(here, proxy)
                await held.there.wait()
                doomed.send_signal(signal.SIGKILL)
                assert await doomed.wait() == -signal.SIGKILL
                held.release.set()
            last = await process(here, proxy)
            assert await last.wait() == 0
            leaf = x509.load_der_x509_certificate((tmp_path / "leaf.der").read_bytes())
            assert list(ca.issued) == [leaf]
            assert ca.accounts == 1
            assert ca.orders == orders

    in_issuer_world(LAB, tmp_path, test)
