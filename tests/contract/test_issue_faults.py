"""What befalls an order between an issuer and its CA: each step waits with a time, fails with a code, or is told; a
later step goes on, and no second order is made where the first is known."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from acme_world import MOST_STEPS, WWW, csr_for, drive, needed
from fault_proxy import FaultProxy, fault_proxy
from issue_benches import LAB, IssuerWorld, in_issuer_world

from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.adapters.issue.transport import NONCE_TRIES
from danelaw.adapters.store.codec import decode, encode
from danelaw.core.model import (
    Advance,
    ChallengeType,
    DanelawError,
    Failed,
    Issued,
    NeedChallenge,
    OrderState,
    Pending,
    RevocationReason,
)
from danelaw.worlds.lab.ca import AcmeCA
from go_between import Exchange, Fault, cut_short, dripping, edited, endless, lost, says, truncated

pytestmark = pytest.mark.slow

CSR = csr_for((WWW,))
FRESH = OrderState((WWW,))
STEPS = (
    "directory",
    "new-nonce",
    "new-account",
    "new-order",
    "order",
    "authorization",
    "challenge",
    "finalize",
    "certificate",
)


class Bench:
    """An issuer that reaches the CA through the proxy."""

    def __init__(self, here: IssuerWorld, proxy: FaultProxy) -> None:
        self.here = here
        self.proxy = proxy
        assert here.place_of.lab is not None
        self.ca: AcmeCA = here.place_of.lab

    def issuer(self, **changes: object) -> AcmeIssuer:
        way: dict[str, object] = {"directory": self.proxy.url, "bundle": self.proxy.bundle}
        return self.here.issuer(ChallengeType.HTTP_01, **way, **changes)

    async def to_the_end(self, order: OrderState = FRESH) -> tuple[Advance, list[Advance | DanelawError]]:
        """As the engine goes on: an error leaves the order as it was told of last. What came, in order."""
        told: list[Advance | DanelawError] = []
        for _ in range(MOST_STEPS):
            try:
                step = await self.issuer().advance(order, CSR)
            except DanelawError as error:
                told.append(error)
                continue
            told.append(step)
            order = step.order
            match step:
                case NeedChallenge(challenges=challenges):
                    for challenge in challenges:
                        await self.here.place(challenge)
                    order = replace(order, placed=order.placed | {challenge.url for challenge in challenges})
                case Issued() | Failed():
                    return step, told
        raise AssertionError(told[-1])


def at_bench(tmp: Path, test: Callable[[Bench], Awaitable[None]], **settings: object) -> None:
    async def run(here: IssuerWorld) -> None:
        assert here.place_of.lab is not None
        async with fault_proxy(here.place_of.lab, tmp / "proxy") as proxy:
            await test(Bench(here, proxy))

    in_issuer_world(LAB, tmp, run, **settings)


def problem(code: str, detail: str = "so it is") -> bytes:
    return json.dumps({"type": f"urn:ietf:params:acme:error:{code}", "detail": detail}).encode()


# -- once, at every step ----------------------------------------------------------------------------------------------

ALWAYS: Sequence[tuple[str, Fault]] = (
    ("a reply that is lost", lost),
    ("JSON that ends too soon", truncated),
)
BUSY: Sequence[tuple[str, Fault]] = (
    ("a reply that is cut short", cut_short),
    ("503 with seconds", says(503, b"<html>", "Retry-After: 30", type="text/html")),
    ("503 with a problem document", says(503, problem("serverInternal"))),
    ("429 of some proxy", says(429, b'{"message": "slow down"}', "Retry-After: 30")),
)
"""Two of these at each step: each of them is met at several."""


@pytest.mark.parametrize("what", STEPS)
def test_what_fails_once_is_told_or_waited_out_and_the_order_goes_on(tmp_path: Path, what: str) -> None:
    async def test(bench: Bench) -> None:
        turn = STEPS.index(what)
        for name, fault in (*ALWAYS, *(BUSY[(turn + more) % len(BUSY)] for more in (0, 1))):
            orders, issued = bench.ca.orders, len(bench.ca.issued)
            if what == "new-account":
                (tmp_path / "account" / "urls.json").unlink(missing_ok=True)
            bench.proxy.next(what, fault)
            end, told = await bench.to_the_end()
            assert not bench.proxy.faults[what], (name, "was never met")
            assert isinstance(end, Issued), (name, end)
            noticed = [step for step in told if isinstance(step, DanelawError)]
            assert all(error.code in ("CA_UNREACHABLE", "CA_MALFORMED") and error.hint for error in noticed), name
            assert len(bench.ca.issued) == issued + 1, name
            # The CA made an order of whose URL nothing came through: the only case for another.
            unknown = what == "new-order" and fault is not truncated
            assert bench.ca.orders <= orders + 1 + unknown, name
        assert bench.ca.accounts == 1

    at_bench(tmp_path, test)


# -- when to come back ------------------------------------------------------------------------------------------------

SOON, HOUR = timedelta(seconds=30), timedelta(hours=1)


def in_an_hour() -> str:
    return f"Retry-After: {format_datetime(datetime.now(UTC) + HOUR, usegmt=True)}"


@pytest.mark.parametrize(
    ("status", "body", "retry", "wait"),
    [
        (503, b"", lambda: "Retry-After: 3600", HOUR),
        (503, b"", in_an_hour, HOUR),
        (503, problem("serverInternal"), in_an_hour, HOUR),
        (503, b"", lambda: "Retry-After: soon", timedelta(minutes=1)),
        (503, b"", lambda: "Retry-After: 0", timedelta(seconds=10)),
        (503, b"", lambda: "Retry-After: Mon, 23 Nov 2020 12:00:00 GMT", timedelta(seconds=10)),
        (429, b"", lambda: "Retry-After: 3600", HOUR),
        (429, problem("rateLimited"), lambda: "Retry-After: 3600", HOUR),
    ],
)
def test_an_order_that_is_there_waits_as_long_as_the_ca_wants(
    tmp_path: Path, status: int, body: bytes, retry: Callable[[], str], wait: timedelta
) -> None:
    async def test(bench: Bench) -> None:
        first = await bench.issuer().advance(FRESH, CSR)
        for what in ("order", "authorization"):
            bench.proxy.next(what, says(status, body, retry()))
            before = datetime.now(UTC)
            step = await bench.issuer().advance(first.order, CSR)
            assert isinstance(step, Pending), step
            assert step.order == first.order
            assert step.trouble == (f"HTTP {status}: so it is" if body else f"HTTP {status}")
            assert timedelta() <= step.until - before - wait + timedelta(seconds=2) < timedelta(seconds=12)

    at_bench(tmp_path, test)


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize(
    ("detail", "told"),
    [("half a pair: \ud800", "half a pair: \\ud800"), (5, "5"), ({"a": [1]}, "a"), (None, ""), ("", "")],
)
def test_whatever_a_ca_says_can_be_recorded(tmp_path: Path, status: int, detail: object, told: str) -> None:
    async def test(bench: Bench) -> None:
        said = {"type": f"urn:ietf:params:acme:error:{'odd' * 999}\ud800", "detail": detail}
        bench.proxy.next("new-order", says(status, json.dumps(said).encode()))
        step = await bench.issuer().advance(FRESH, CSR)
        assert isinstance(step, Failed | Pending)
        assert told in (step.detail if isinstance(step, Failed) else step.trouble)
        assert len(encode(step)) < 1500
        assert decode(encode(step)) == step

    at_bench(tmp_path, test)


@pytest.mark.parametrize("status", [400, 503])
def test_of_a_ca_that_says_very_much_the_beginning_is_kept(tmp_path: Path, status: int) -> None:
    async def test(bench: Bench) -> None:
        bench.proxy.next("new-order", says(status, problem("malformed", "so it is " * 50_000)))
        step = await bench.issuer().advance(FRESH, CSR)
        assert isinstance(step, Failed | Pending)
        said = step.detail if isinstance(step, Failed) else step.trouble
        assert "so it is so it is" in said
        assert said.endswith("…")
        assert len(said) < 1100

    at_bench(tmp_path, test)


@pytest.mark.parametrize(
    ("retry", "wait"),
    [
        (in_an_hour, HOUR),
        (lambda: "Retry-After: 7200", 2 * HOUR),
        (lambda: "Retry-After: 0", timedelta(minutes=1)),
        (lambda: "X-Nothing: said", timedelta(minutes=15)),
    ],
)
def test_an_order_that_the_ca_takes_not_now_is_told_with_its_type_and_the_earliest_time(
    tmp_path: Path, retry: Callable[[], str], wait: timedelta
) -> None:
    async def test(bench: Bench) -> None:
        bench.proxy.next(
            "new-order", says(429, problem("rateLimited", "too many certificates already issued"), retry())
        )
        before = datetime.now(UTC)
        end = await bench.issuer().advance(FRESH, CSR)
        assert isinstance(end, Failed)
        assert (end.code, end.detail) == ("rateLimited", "too many certificates already issued")
        assert timedelta() <= end.retry_at - before - wait + timedelta(seconds=2) < timedelta(seconds=12)

    at_bench(tmp_path, test)


def test_nonces_that_are_refused_without_end_are_left_for_a_while(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        first = await bench.issuer().advance(FRESH, CSR)
        bench.proxy.seen.clear()
        bench.proxy.next("order", *[says(400, problem("badNonce"), "Replay-Nonce: bm9uY2U")] * NONCE_TRIES)
        before = datetime.now(UTC)
        step = await bench.issuer().advance(first.order, CSR)
        assert isinstance(step, Pending)
        assert step.until - before >= timedelta(minutes=1)
        assert bench.proxy.seen.count("order") == NONCE_TRIES
        assert isinstance((await bench.to_the_end(step.order))[0], Issued)
        assert bench.ca.orders == 1

    at_bench(tmp_path, test)


def test_a_ca_without_time_is_no_refusal_of_a_revocation(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        end, _ = await bench.to_the_end()
        assert isinstance(end, Issued)
        bench.proxy.next("revoke-cert", says(503, problem("serverInternal")))
        with pytest.raises(DanelawError) as caught:
            await bench.issuer().revoke(end.chain, RevocationReason.SUPERSEDED)
        assert caught.value.code == "CA_UNREACHABLE"
        await bench.issuer().revoke(end.chain, RevocationReason.SUPERSEDED)
        assert len(bench.ca.revoked) == 1

    at_bench(tmp_path, test)


# -- a CA that takes its time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_head", [True, False])
@pytest.mark.parametrize("what", ["directory", "order"])
def test_a_reply_that_drips_holds_no_thread_beyond_the_limit_of_a_step(
    tmp_path: Path, what: str, in_head: bool
) -> None:
    async def test(bench: Bench) -> None:
        first = await bench.issuer().advance(FRESH, CSR)
        threads = set(threading.enumerate())
        stop = asyncio.Event()
        bench.proxy.next(what, dripping(in_head, stop))
        with pytest.raises(DanelawError) as caught:
            await bench.issuer(step_limit=timedelta(seconds=0.5)).advance(first.order, CSR)
        assert caught.value.code == "CA_UNREACHABLE"
        assert not stop.is_set()
        for thread in set(threading.enumerate()) - threads:
            thread.join(10)
            assert not thread.is_alive()
        stop.set()
        assert isinstance((await bench.to_the_end(first.order))[0], Issued)
        assert bench.ca.orders == 1

    at_bench(tmp_path, test)


@pytest.mark.parametrize("what", ["directory", "order", "certificate"])
def test_a_reply_without_end_is_read_up_to_a_bound_at_every_step(tmp_path: Path, what: str) -> None:
    async def test(bench: Bench) -> None:
        bench.proxy.next(what, endless)
        end, told = await bench.to_the_end()
        assert isinstance(end, Issued)
        (error,) = (step for step in told if isinstance(step, DanelawError))
        assert error.code == "CA_MALFORMED"
        assert "gives more than" in error.evidence

    at_bench(tmp_path, test)


PROCESSING = edited(
    *((b'"status": "%s"' % word, b'"status": "processing"') for word in (b"pending", b"ready", b"valid"))
)


def test_a_ca_that_is_never_done_is_asked_ever_more_rarely_and_given_up_after_a_day(tmp_path: Path) -> None:
    class Clock:
        """Goes only where the issuer wants to wait."""

        def __init__(self) -> None:
            self.time = datetime(2026, 11, 23, 12, tzinfo=UTC)

        def now(self) -> datetime:
            return self.time

        def monotonic(self) -> float:
            return 0.0

    async def test(bench: Bench) -> None:
        first = await needed(bench.issuer(), FRESH, CSR)
        bench.proxy.always("order", PROCESSING)
        clock, issuer = Clock(), None
        order, waits = first.order, list[timedelta]()
        begun = clock.now()
        issuer = bench.issuer(clock=clock)
        while isinstance(step := await issuer.advance(order, CSR), Pending):
            waits.append(step.until - clock.now())
            clock.time, order = step.until, step.order
        assert isinstance(step, Failed), step
        assert step.code == "stuck"
        assert "2026-11-23 12:00 UTC" in step.detail
        assert step.retry_at > clock.now()
        assert timedelta(days=1) <= clock.now() - begun < timedelta(days=1, hours=2)
        assert min(waits) > timedelta()
        assert waits == sorted(waits)
        assert waits[-1] <= timedelta(hours=1)
        assert len(waits) < 150  # the CA said Retry-After: 0 each time

    at_bench(tmp_path, test)


# -- a CA that leads elsewhere ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["directory", "new-order", "certificate"])
def test_a_redirection_is_not_followed(tmp_path: Path, what: str) -> None:
    there = ("https://169.254.169.254/latest", "http://127.0.0.1/", "/another", "//127.0.0.2/dir")

    async def test(bench: Bench) -> None:
        bench.proxy.next(what, *[says(307, b"", f"Location: {to}") for to in there])
        end, told = await bench.to_the_end()
        assert isinstance(end, Issued)
        errors = [step for step in told if isinstance(step, DanelawError)]
        assert [error.code for error in errors] == ["CA_LEADS_ELSEWHERE"] * len(there)
        assert all(to in error.evidence and error.hint for to, error in zip(there, errors, strict=True))

    at_bench(tmp_path, test)


@pytest.mark.parametrize(
    ("what", "word"),
    [
        ("directory", b"/new-order"),
        ("new-order", b"/authorization/"),
        ("order", b"/authorization/"),
        ("order", b"/certificate/"),
    ],
)
def test_a_link_to_another_server_is_not_gone_to(tmp_path: Path, what: str, word: bytes) -> None:
    async def test(bench: Bench) -> None:
        ours = bench.proxy.url.removesuffix("/directory")
        port = ours.rpartition(":")[2]
        others = [f"http://127.0.0.1:{port}", f"https://127.0.0.2:{port}", "https://127.0.0.1:1", "https://[/"]
        for other in others:
            bench.proxy.next(what, edited((ours.encode() + word, other.encode() + word)))
        end, told = await bench.to_the_end()
        assert isinstance(end, Issued)
        evidence = [
            step.evidence for step in told if isinstance(step, DanelawError) and step.code == "CA_LEADS_ELSEWHERE"
        ]
        if what == "directory":
            assert [other in said for other, said in zip(others, evidence, strict=True)] == [True] * len(others)
        else:  # not every reply names it, and an order that is just made is asked for again before it is told
            assert evidence or what == "new-order"
            assert all(any(other in said for other in others) for said in evidence)

    at_bench(tmp_path, test)


# -- a CA that wants more than was ordered ----------------------------------------------------------------------------


def of_another(name: bytes) -> Fault:
    return edited((b'"www.example.net"', b'"%s"' % name))


def with_fields(change: Callable[[dict[str, object]], dict[str, object]]) -> Fault:
    """The reply, with other fields in it."""

    async def fault(exchange: Exchange) -> None:
        body = exchange.reply.partition(b"\r\n\r\n")[2]
        await edited((body, json.dumps(json.loads(body) | change(json.loads(body))).encode()))(exchange)

    return fault


def many(told: dict[str, object]) -> dict[str, object]:
    """The same authorization again and again."""
    found = told["authorizations"]
    assert isinstance(found, list)
    return {"authorizations": found * 500}


@pytest.mark.parametrize(
    ("what", "fault", "evidence"),
    [
        ("authorization", of_another(b"example.net"), "'example.net'"),
        ("authorization", of_another(b"www.example.org"), "'www.example.org'"),
        ("authorization", of_another(b"x.www.example.net"), "'x.www.example.net'"),
        ("authorization", with_fields(lambda _: {"identifier": {"type": "ip", "value": "192.0.2.1"}}), "ip"),
        ("order", with_fields(many), "500"),
    ],
)
def test_nothing_is_placed_for_what_was_not_ordered(tmp_path: Path, what: str, fault: Fault, evidence: str) -> None:
    async def test(bench: Bench) -> None:
        issuer = bench.issuer()
        placed = (await issuer.advance(FRESH, CSR)).order
        bench.proxy.next(what, fault, fault)
        for _ in range(2):
            with pytest.raises(DanelawError) as told:
                await issuer.advance(placed, CSR)
            assert told.value.code == "CA_ASKS_TOO_MUCH"
            assert evidence in told.value.evidence
        assert bench.proxy.seen.count("authorization") <= 2
        end, _ = await bench.to_the_end(placed)  # it thought better of it
        assert isinstance(end, Issued)
        assert bench.ca.orders == 1

    at_bench(tmp_path, test)


def test_the_reason_of_an_order_that_failed_is_not_looked_for_without_end(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = bench.issuer()
        placed = (await issuer.advance(FRESH, CSR)).order
        bench.proxy.next("order", with_fields(lambda told: {**many(told), "status": "invalid"}))
        end = await issuer.advance(placed, CSR)
        assert isinstance(end, Failed)
        assert bench.proxy.seen.count("authorization") < 10

    at_bench(tmp_path, test)


def test_a_name_is_the_same_in_capitals(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.proxy.always("authorization", of_another(b"WWW.Example.NET"))
        end, _ = await bench.to_the_end()
        assert isinstance(end, Issued)

    at_bench(tmp_path, test)


# -- races ------------------------------------------------------------------------------------------------------------


def test_a_challenge_that_became_valid_meanwhile_may_be_refused(tmp_path: Path) -> None:
    """Pebble refuses a response to an authorization that is valid by now."""

    async def test(bench: Bench) -> None:
        async def done_meanwhile(exchange: object) -> None:
            await says(400, problem("malformed", "authz is valid, only status pending"))(exchange)  # type: ignore[arg-type] # passed on

        bench.proxy.next("challenge", done_meanwhile)
        end, told = await bench.to_the_end()
        assert isinstance(end, Issued), told
        assert bench.ca.orders == 1

    at_bench(tmp_path, test)


def test_a_ca_at_work_is_told_of_a_response_once(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        not_yet = edited((b'"status": "ready"', b'"status": "pending"'), (b'"status": "valid"', b'"status": "pending"'))
        bench.proxy.next("order", *[not_yet] * 5)
        bench.proxy.next("authorization", *[not_yet] * 6)
        issuer = bench.issuer()
        end, steps = await drive(bench.here, lambda: issuer, FRESH, CSR)
        assert isinstance(end, Issued)
        assert len([step for step in steps if isinstance(step, Pending)]) >= 5
        assert bench.proxy.seen.count("challenge") == 1

    at_bench(tmp_path, test)
