"""Many clients at once, on the real clock: scenes, tallies, and an end without delay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lab_crowd_world import HOST, ROOT, WEB1, WEB2, World
from unhurried import shortest

from danelaw.worlds.lab.crowd import KINDS, Crowd, Outcome, Over, Reason

pytestmark = pytest.mark.slow


def make_crowd(world: World, size: int = 20, pace: float = 0.05) -> Crowd:
    return Crowd(
        size=size,
        host=HOST,
        root_servers=[ROOT],
        trust_anchor=world.anchor,
        roots_pem=world.issuer.pem,
        locate=lambda address, port: world.locate(address, port),
        pace=pace,
        stagger=0.2,
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.serve(world.zone(world.credential.tlsa()))
    return world


class Hanging:
    """A web server that accepts connections and says nothing until ``release`` is set; then it hangs up.

    ``full`` is set when ``count`` connections hang.
    """

    def __init__(self, world: World, count: int) -> None:
        self.full, self.release = asyncio.Event(), asyncio.Event()
        self._world = world
        self._count = count

    async def __aenter__(self) -> Hanging:
        self._server = await asyncio.start_server(self._hold, "127.0.0.1", 0)
        where = self._server.sockets[0].getsockname()
        self._world.places[WEB1, 443] = self._world.places[WEB2, 443] = where
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release.set()
        self._server.close()

    async def _hold(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count -= 1
        if not self._count:
            self.full.set()
        await self.release.wait()
        writer.close()


def test_a_crowd_of_every_kind_is_served_and_refusals_end_with_their_cause(world: World) -> None:
    async def run() -> Crowd:
        async with world.running(), make_crowd(world) as crowd:
            await crowd.enter("good")
            await crowd.rounds(2)
            await crowd.enter("naive")
            new = world.issuer.issue()
            world.present(new)
            await crowd.rounds(2)
            world.present(world.credential)
            await crowd.enter("repaired")
            await crowd.rounds(2)
        return crowd

    crowd = asyncio.run(run())
    good, naive, repaired = (crowd.tally(scene) for scene in ("good", "naive", "repaired"))
    assert good.refused == repaired.refused == good.no_service == 0
    assert good.accepted == good.connections >= 40
    assert good.seconds_refused == 0
    assert set(good.over) == {Over.DANE}
    assert {one.kind for one in crowd.connections if one.scene == "good"} == {kind.label for kind in KINDS}

    assert set(naive.reasons) == {Reason.TLSA_MISMATCH}
    assert naive.refused == naive.reasons.total() >= 20
    assert naive.seconds_refused > 0
    example = naive.examples[Reason.TLSA_MISMATCH]
    assert example.outcome is Outcome.REFUSED
    assert any("TLSA 3 1 1" in record for record in example.records)
    assert naive.first_refusal == min(
        one.finished for one in crowd.connections if one.scene == "naive" and one.outcome is Outcome.REFUSED
    )


def test_a_drain_waits_for_connections_in_flight_and_they_keep_their_scene(world: World) -> None:
    async def run() -> Crowd:
        async with world.running():
            places = dict(world.places)
            async with Hanging(world, 3) as hanging, make_crowd(world, size=3) as crowd:
                crowd.scene = "old"
                await hanging.full.wait()
                entering = asyncio.create_task(crowd.enter("new"))
                await asyncio.wait([entering], timeout=0.1)
                assert not entering.done()
                assert not [one for one in crowd.connections if one.scene == "new"]
                world.places.update(places)
                hanging.release.set()
                await entering
                await crowd.rounds()
        return crowd

    crowd = asyncio.run(run())
    assert {one.reason for one in crowd.connections if one.scene == "old"} == {Reason.TLS_FAILED}
    assert {one.reason for one in crowd.connections if one.scene == "new"} == {None}


def test_leaving_waits_for_nobody(world: World) -> None:
    """With connections that hang: a quarter of a client's patience is more than enough."""

    async def run() -> float:
        loop = asyncio.get_running_loop()
        async with world.running(), Hanging(world, 20) as hung:
            async with make_crowd(world) as crowd:
                await hung.full.wait()
                began = loop.time()
            assert all(one.reason is Reason.TLS_FAILED for one in crowd.connections)
        return loop.time() - began

    assert shortest(lambda: asyncio.run(run()), 0.5) < 0.5


def test_a_client_that_dies_of_a_defect_is_not_passed_over(world: World) -> None:
    async def run() -> None:
        crowd = make_crowd(world, size=2)
        world.places = {}
        world.locate = lambda address, port: world.places[address, port]  # type: ignore[method-assign]  # the defect
        async with crowd:
            await crowd.rounds()

    with pytest.raises(KeyError):
        asyncio.run(run())
