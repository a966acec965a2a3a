"""Scenario files: a world, a strategy, what happens, and what is expected of it. ``docs/reference/scenarios.md``.

They are read strictly: an unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec

from danelaw.core.model import Answer, DanelawError, Limits, RRset
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    DestroyKey,
    MakeKey,
    MakeZoneKey,
    MakeZoneKeys,
    PlaceChallenge,
    Publish,
    ReuseKey,
    Revoke,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.tlsa import Combination, MalformedTLSA
from danelaw.worlds.sim import adversary_dns as dns
from danelaw.worlds.sim import adversary_host as host
from danelaw.worlds.sim import adversary_service as service
from danelaw.worlds.sim.adversary import Event
from danelaw.worlds.sim.habits import Habit
from danelaw.worlds.sim.world import TLSA

SCHEMA: Final = "danelaw/scenario/1"

ACTIONS: Final[Mapping[str, type[Action]]] = {
    "make-zone-keys": MakeZoneKeys,
    "make-zone-key": MakeZoneKey,
    "sign-zone": SignZone,
    "submit-ds": SubmitDS,
    "publish": Publish,
    "withdraw": Publish,
    "make-key": MakeKey,
    "reuse-key": ReuseKey,
    "order": AdvanceOrder,
    "place-challenge": PlaceChallenge,
    "clear-challenge": ClearChallenge,
    "switch": Switch,
    "revoke": Revoke,
    "destroy-key": DestroyKey,
}
"""What the runner does, as scenario files name it. ``publish`` adds to the TLSA records, ``withdraw`` takes away."""

LIMITS: Final = Limits(
    pass_interval=timedelta(seconds=0.5),
    hold_floor=timedelta(seconds=1),
    lookup_delay=timedelta(seconds=1),
    assumed_past_ttl=timedelta(seconds=2),
    retention=timedelta(seconds=120),
    in_flight=timedelta(seconds=2),
    linger=timedelta(seconds=1),
    key_lifetime=timedelta(days=3650),
    standby_settle=timedelta(seconds=20),
    renewal_check=timedelta(seconds=1),
    clock_step=timedelta(milliseconds=20),
)
"""Scaled to seconds, as the lab's are."""

AnyEvent: TypeAlias = (
    dns.Silence
    | dns.Freeze
    | dns.Restore
    | dns.Lag
    | dns.IdleZoneReload
    | dns.LoseReply
    | dns.DelayUpdate
    | dns.Edit
    | dns.Alias
    | dns.Unsign
    | service.IdleReload
    | service.Stick
    | service.Deaf
    | service.DelaySwitch
    | service.Restart
    | service.Revert
    | service.RemoveAddress
    | service.AddAddress
    | service.ForeignRenewal
    | service.RefuseOrders
    | service.SuggestRenewal
    | service.Request
    | service.Kill
    | service.Sleep
    | service.LoseStore
    | service.RestoreStore
    | service.StepClock
    | host.Crash
    | host.LoseAnswer
    | host.DiskFull
    | host.LockStore
)

Roll: TypeAlias = Literal["renewal", "request", "emergency"]
StrategyName: TypeAlias = Literal["naive", "standby", "staged", "pinned"]

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A table of the file. Every default stands here."""


class World(_Table, frozen=True):
    """``lags``: how many seconds each secondary is late. ``deployed``: whether all is published when the story begins,
    else it begins with nothing. ``pace``: seconds between two connections of a client. ``most_delay``: how many a
    client may take between look-up and handshake."""

    lags: tuple[Seconds, ...] = (1.0,)
    addresses: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("192.0.2.80", "2001:db8::80")
    ttl: Annotated[int, msgspec.Meta(ge=0, le=604800)] = 2
    negative_ttl: Annotated[int, msgspec.Meta(ge=0, le=604800)] = 1
    clients: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 20
    pace: Annotated[float, msgspec.Meta(gt=0)] = 0.4
    most_delay: Seconds = 0.5
    certificate_lifetime: Annotated[float, msgspec.Meta(gt=0)] = 90 * 86400.0
    challenge: Literal["none", "http-01", "dns-01"] = "none"
    deployed: bool = True
    seed: int = 0


class Expect(_Table, frozen=True):
    """``refused``: how many connections at the most may be refused, or any; ``reasons``: for which reasons alone, where
    some are given; ``refused_until``: nobody later than so many seconds after the story began. ``within``: all rolls
    are over and settled after so many seconds; ``settles`` false: they are not, all that time. ``waits``: codes that
    are told as reasons to wait, each at some time; ``actions``: what is done, and ``never``: what is not.
    ``violations``: whether clients that are refused as things stand are ever reported. ``records``: how many TLSA
    records there are in the end."""

    refused: int | Literal["any"] = 0
    reasons: tuple[str, ...] = ()
    refused_until: Seconds | None = None
    within: Annotated[float, msgspec.Meta(gt=0)] = 300.0
    settles: bool = True
    waits: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    violations: bool | None = None
    records: int | None = None


class Scenario(_Table, frozen=True):
    """``source``: where it comes from. ``rolls``: one after the other, each when all has settled. ``habits``: how the
    naive operator does them, in turn."""

    title: str
    schema: Literal["danelaw/scenario/1"] = "danelaw/scenario/1"
    source: str = ""
    strategy: StrategyName = "staged"
    tlsa: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("3 1 1",)
    rolls: tuple[Roll, ...] = ("renewal",)
    habits: Annotated[tuple[Habit, ...], msgspec.Meta(min_length=1)] = ("append",)
    world: World = World()
    limits: dict[str, float] = {}
    event: tuple[AnyEvent, ...] = ()
    expect: Expect = Expect()

    @property
    def bounds(self) -> Limits:
        """The waits and bounds, with what this scenario changes of them."""
        return replace(LIMITS, **{key: _bound(key, value) for key, value in self.limits.items()})  # type: ignore[arg-type]  # each of its own type, checked when it was read


def read(text: str, name: str = "the scenario") -> Scenario:
    """A scenario file. ``name``: what errors call it. Raises ``DanelawError``: SCENARIO_SYNTAX, SCENARIO_INVALID."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DanelawError("SCENARIO_SYNTAX", f"{name} is not TOML", evidence=str(error)) from error
    try:
        found = msgspec.convert(table, Scenario)
    except msgspec.ValidationError as error:
        raise _invalid(name, str(error), _suggestion(str(error))) from error
    _check(found, name)
    return found


def _check(scenario: Scenario, name: str) -> None:
    for key, value in scenario.limits.items():
        if key not in LIMITS.as_seconds():
            raise _invalid(name, f"limits: there is no {key!r}", _near(key, LIMITS.as_seconds()))
        if not 0 <= value <= 1e9 or math.isnan(value):
            raise _invalid(name, f"limits: {key} is out of bounds")
    for text in scenario.tlsa:
        try:
            Combination.from_text(text)
        except MalformedTLSA as error:
            raise _invalid(name, f"tlsa: {error}") from error
    for text in scenario.world.addresses:
        try:
            ip_address(text)
        except ValueError as error:
            raise _invalid(name, f"world.addresses: {error}") from error
    for number, event in enumerate(scenario.event, 1):
        _check_event(event, f"event {number}", name)
    for action in (*scenario.expect.actions, *scenario.expect.never):
        _check_action(action, "expect", name)


def _check_event(event: Event, where: str, name: str) -> None:
    given = [key for key in ("at", "before", "after", "waiting") if getattr(event, key) is not None]
    if len(given) != 1:
        raise _invalid(name, f"{where}: it says {len(given)} of 'at', 'before', 'after' and 'waiting', not one of them")
    if event.at is not None and not 0 <= event.at <= 1e9:
        raise _invalid(name, f"{where}: 'at' is out of bounds")
    for action in filter(None, (event.before, event.after)):
        _check_action(action, where, name)


def _check_action(action: str, where: str, name: str) -> None:
    if action not in ACTIONS:
        raise _invalid(name, f"{where}: there is no action {action!r}", _near(action, ACTIONS))


def is_action(action: Action, name: str) -> bool:
    """Whether this is what scenario files call so."""
    if not isinstance(action, ACTIONS[name]):
        return False
    if isinstance(action, Publish):
        if action.replace.type != TLSA:
            return False
        return (_rdatas(action.replace) < _rdatas(action.expect)) == (name == "withdraw")
    return True


def _rdatas(answer: Answer) -> frozenset[bytes]:
    return answer.rdatas if isinstance(answer, RRset) else frozenset()


def write(scenario: Scenario) -> str:
    """The file that reads as this scenario."""
    plain = msgspec.to_builtins(scenario)
    lines = [
        f"{key} = {_value(value)}" for key, value in plain.items() if key not in ("world", "limits", "event", "expect")
    ]
    for key in ("world", "limits"):
        lines += _section(f"[{key}]", plain.get(key, {}))
    for event, table in zip(scenario.event, plain.get("event", ()), strict=True):
        lines += _section("[[event]]", {k: v for k, v in table.items() if k == "do" or _told(event, k)})
    return "\n".join([*lines, *_section("[expect]", plain.get("expect", {})), ""])


def _told(event: Event, key: str) -> bool:
    """Whether a value is another than its default."""
    (found,) = (field for field in msgspec.structs.fields(event) if field.name == key)
    return bool(getattr(event, key) != found.default)


def _section(head: str, table: Mapping[str, object]) -> list[str]:
    if not table:
        return []
    return ["", head, *(f"{key} = {_value(value)}" for key, value in table.items() if value is not None)]


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        escaped = "".join(c if c >= " " and c not in '"\\\x7f' else f"\\u{ord(c):04x}" for c in value)
        return f'"{escaped}"'
    return repr(value)


def _bound(key: str, value: float) -> timedelta | int | float:
    if isinstance(getattr(LIMITS, key), timedelta):
        return timedelta(seconds=value)
    return int(value) if isinstance(getattr(LIMITS, key), int) else value


def _suggestion(message: str) -> str:
    """A did-you-mean for an unknown key or event, out of all that there are."""
    if unknown := re.search(r"unknown field `([^`]+)`", message):
        tables = (Scenario, World, Expect, *get_args(AnyEvent))
        return _near(unknown.group(1), {field.name for table in tables for field in msgspec.structs.fields(table)})
    if unknown := re.search(r"Invalid value '([^']*)' - at `\$\.event\[.*\]\.do`", message):
        return _near(unknown.group(1), [str(kind.__struct_config__.tag) for kind in get_args(AnyEvent)])
    return ""


def _near(word: str, known: Mapping[str, object] | set[str] | list[str]) -> str:
    near = difflib.get_close_matches(word, sorted(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"


def _invalid(name: str, evidence: str, hint: str = "") -> DanelawError:
    return DanelawError("SCENARIO_INVALID", f"{name} is not right", evidence=evidence, hint=hint)
