"""The engine and a host behind ssh: away at first, then there; then one whose server cannot be reloaded for a while.

In the lab's world on loopback: its web server reads its credential anew when the test's process gets a signal, which
the far side of a real sshd sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest
from deploy_hosts import ssh_host

from danelaw import wiring
from danelaw.app.config import load
from danelaw.core.rollover.actions import Failure, Switch
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.planner import Settled
from danelaw.core.rollover.progress import Progress
from danelaw.ports import Surroundings
from danelaw.worlds.lab import configuration
from danelaw.worlds.lab.embedded import EmbeddedWorld

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_host_that_was_away_and_a_server_that_did_not_reload_are_made_good_and_nobody_is_refused(
    tmp_path: Path, require_program: Callable[..., str]
) -> None:
    host = ssh_host(tmp_path / "ssh", require_program)
    deaf = tmp_path / "deaf"
    done: list[str] = []

    async def play() -> None:
        async with EmbeddedWorld(tmp_path / "world") as world, contextlib.AsyncExitStack() as later:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, world.web.reload)
            later.callback(loop.remove_signal_handler, signal.SIGUSR1)
            main = configuration.write(world)
            (file,) = (main.parent / "services.d").iterdir()
            reload = f'["sh", "-c", "test ! -e {deaf} && kill -USR1 {os.getpid()}"]'
            deploy = f"""\
[deploy]
host = "web1"
ssh = "{host.destination}"
ssh_config = "{host.config}"
directory = "{world.live}"
reload = {reload}
"""
            file.write_text(re.sub(r"deploy = .*", deploy, file.read_text()))
            surroundings = Surroundings(
                wiring.clock(),
                world.dialer,
                wiring.blocking(),
                world.commands,
                wiring.programs(),
                world.parents,
                world.trust_anchors,
            )
            config = load(main)
            wired = wiring.build(config, surroundings)
            service, (lineage, *_) = config.services[0].subject, config.services[0].lineages

            serves = False  # before that, whoever comes is refused

            async def until_settled(hear: Callable[[Switch, str], None]) -> None:
                stop = asyncio.Event()

                def heard(progress: Progress) -> None:
                    ended = progress.ended
                    if progress.subject != service or ended is None:
                        return
                    assert not serves or ended.violations == ()
                    if isinstance(ended.plan, Switch):
                        outcome = ended.outcome
                        said = outcome.code if isinstance(outcome, Failure) else type(outcome).__name__
                        done.append(f"{ended.plan.generation} {said}")
                        hear(ended.plan, said)
                    if isinstance(ended.plan, Settled):
                        stop.set()

                await wired.engine.watch(stop, heard)

            def comes_up(_: Switch, said: str) -> None:
                if said == "HOST_UNREACHABLE" and done.count("1 HOST_UNREACHABLE") == 1:
                    later.enter_context(host.up())

            await until_settled(comes_up)
            assert (world.live / "fullchain.pem").exists()
            serves = True

            deaf.touch()
            lease = await wired.store.lease(service)
            await wired.store.append(service, lease, Requested(wiring.clock().now(), lineage, "the operator"))
            await until_settled(lambda _, said: deaf.unlink(missing_ok=True) if said == "RELOAD_FAILED" else None)

    asyncio.run(play())
    assert [said for said, _ in groupby(done)] == [
        "1 HOST_UNREACHABLE",
        "1 Receipt",
        "2 RELOAD_FAILED",
        "1 Receipt",  # what it had
        "2 Receipt",
    ]
