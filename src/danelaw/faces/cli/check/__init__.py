"""``danelaw check``: whether a client that honours DANE connects to a service, seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from danelaw import wiring
from danelaw.app.check import Looked, Looker, Looking
from danelaw.core.model import DanelawError, Target, TargetEvidence
from danelaw.core.verdict import EXPIRY_NOTICE, TargetReport, exit_status, judge_target
from danelaw.core.verdict.nagios import Outcome, Status, unknown
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli.arguments import address, forwarder, instant
from danelaw.faces.cli.check.evidence_files import read_evidence
from danelaw.faces.cli.check.progress import Progress
from danelaw.faces.cli.check.targets import read_targets
from danelaw.faces.cli.check.telling import (
    Brief,
    Lines,
    Metrics,
    Plugin,
    Saved,
    Silent,
    Teller,
    Told,
    Transcripts,
    Whole,
)
from danelaw.faces.cli.output_file import OutputFile

if TYPE_CHECKING:
    from danelaw.app.config import Config

STDOUT: Final = "-"
WRONG, USAGE, UNDECIDED, GOOD = 1, 2, 3, 0
_WORST_FIRST: Final = (WRONG, USAGE, UNDECIDED, GOOD)


class _PluginCommand(click.Command):
    """Under ``--nagios`` whatever goes wrong is UNKNOWN, said on standard output: a monitor reads nothing else."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **more: Any) -> click.Context:
        plugin = "--nagios" in args
        try:
            return super().make_context(info_name, args, *rest, **more)
        except click.UsageError as error:
            if plugin:
                raise _unknown(error.format_message()) from error
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (DanelawError, click.ClickException) as error:
            if not ctx.params.get("nagios"):
                raise
            said = f"{error}; hint: {error.hint}" if isinstance(error, DanelawError) and error.hint else str(error)
            raise _unknown(said) from error
        except KeyboardInterrupt as error:
            if not ctx.params.get("nagios"):
                raise
            raise click.exceptions.Exit(Status.UNKNOWN) from error


def _unknown(why: str) -> click.exceptions.Exit:
    terminal.data(unknown(why))
    return click.exceptions.Exit(Status.UNKNOWN)


class _Desk:
    """Takes what comes, in whatever order, and gives it to the tellers in the order of the targets."""

    def __init__(
        self, tellers: Sequence[Teller], judge: Callable[[TargetEvidence], TargetReport], lenient: bool
    ) -> None:
        self._tellers = tellers
        self._judge = judge
        self._lenient = lenient
        self._waiting: dict[int, list[Told]] = {}
        self._next = 0
        self._statuses: set[int] = set()

    def take(self, place: int, target: Target, looked: Looked) -> None:
        outcome: Outcome = (str(target), looked) if isinstance(looked, DanelawError) else self._judge(looked)
        self._statuses.add(self._status(outcome))
        self._waiting[place] = [teller.prepare(outcome) for teller in self._tellers]
        while self._next in self._waiting:
            self._tell(self._next)

    def end(self, unfinished: Iterable[Target] = ()) -> int:
        """Tell what had to wait for others, and come to an end. The exit status."""
        for place in sorted(self._waiting):
            self._tell(place)
        names = [str(target) for target in unfinished]
        own = [status for teller in self._tellers if (status := teller.end(names)) is not None]
        return own[0] if own else next((status for status in _WORST_FIRST if status in self._statuses), UNDECIDED)

    def _tell(self, place: int) -> None:
        for tell in self._waiting.pop(place):
            tell()
        self._next = place + 1

    def _status(self, outcome: Outcome) -> int:
        if isinstance(outcome, TargetReport):
            return exit_status([outcome], self._lenient)
        return UNDECIDED if outcome[1].code in terminal.UNDECIDED else USAGE


@click.command(cls=_PluginCommand)
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option("--file", "files", multiple=True, metavar="FILE", help="Targets, one on each line; - for standard input.")
@click.option(
    "--starttls", metavar="PROTO", help="How TLS begins, for targets that do not say: smtp, imap, xmpp-client and so on"
)
@click.option("--json", "json_form", is_flag=True, help="Give the result as one JSON document.")
@click.option("--json-lines", is_flag=True, help="Give a JSON document for each target, on a line of its own.")
@click.option("--brief", is_flag=True, help="Give one line for each target.")
@click.option("--nagios", is_flag=True, help="Speak as a plugin of Nagios does, with its exit status.")
@click.option("--prometheus", metavar="FILE", help="Write metrics for Prometheus' textfile collector; - for stdout.")
@click.option(
    "--days",
    type=click.IntRange(0, 36_500),
    metavar="N",
    help=f"Tell of certificates that end in less than this. [default: {EXPIRY_NOTICE.days}; less if they last short]",
)
@click.option("--opportunistic", is_flag=True, help="Having no DANE is no fault.")
@click.option("--save", metavar="FILE", help="Keep what was seen, to be judged again; - for stdout.")
@click.option(
    "--evidence", multiple=True, metavar="FILE", help="Judge what --save kept; nothing is asked or connected."
)
@click.option("--now", metavar="INSTANT", help="Judge as of this instant, such as 2026-11-23T12:00:00Z.")
@click.option(
    "--ca",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Root certificates for usages 0 and 1, in PEM; the platform's if not given.",
)
@click.option(
    "--anchor", type=click.Path(path_type=Path), metavar="FILE", help="Trust anchors; those of the IANA if not given."
)
@click.option(
    "--resolver",
    "resolvers",
    multiple=True,
    metavar="IP[@PORT]",
    help="Whom to ask, also tls://IP or https://HOST/PATH#IP; several in turn. The system's if not given.",
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="IP[@PORT]",
    help="Connect to this, instead of to the addresses in the DNS.",
)
@click.option("-4", "--ipv4", "ipv4", is_flag=True, help="Connect to IPv4 addresses alone.")
@click.option("-6", "--ipv6", "ipv6", is_flag=True, help="Connect to IPv6 addresses alone.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    metavar="SECONDS",
    help="How long one step may take: a question, connecting, the dialogue, the handshake.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=Looking().at_once,
    show_default=True,
    metavar="N",
    help="How many targets are looked at at once.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A danelaw.toml, for its [resolver] and [clients].",
)
def check(
    targets: tuple[str, ...],
    files: tuple[str, ...],
    starttls: str | None,
    json_form: bool,
    json_lines: bool,
    brief: bool,
    nagios: bool,
    prometheus: str | None,
    days: int | None,
    opportunistic: bool,
    save: str | None,
    evidence: tuple[str, ...],
    now: str | None,
    ca: Path | None,
    anchor: Path | None,
    resolvers: tuple[str, ...],
    addresses: tuple[str, ...],
    ipv4: bool,
    ipv6: bool,
    timeout: float | None,
    jobs: int,
    config: Path | None,
) -> None:
    """Say whether a client that honours DANE connects to each TARGET.

    A TARGET is a host, HOST:PORT, a URL, a service such as smtp:example.net or imap:example.net, whose servers its MX
    or SRV records name, or - for a list of them on standard input. Everything is validated here; every address is
    connected to as several kinds of client.

    Exit status: 0 good; 1 something is wrong with a target, no DANE included unless --opportunistic; 2 usage; 3 not
    decided.
    """
    asking = {"--starttls": starttls, "--anchor": anchor, "--resolver": resolvers, "--address": addresses}
    families = {"-4": ipv4, "-6": ipv6}
    _one_of(families)
    if evidence:
        _nothing_with("--evidence", {"TARGET": targets, "--file": files, **asking, **families, "--timeout": timeout})
    streams = {"--json": json_form, "--json-lines": json_lines, "--brief": brief, "--nagios": nagios}
    _one_of({**streams, "--prometheus -": prometheus == STDOUT, "--save -": save == STDOUT})
    wanted = read_targets(targets, files, starttls) if not evidence else ()
    settings = _settings(config)
    as_of, notice = instant(now), timedelta(days=days) if days is not None else None
    roots = wiring.client_roots(settings, ca)
    chosen = [address(text) for text in addresses]
    eyes = None
    if not evidence:
        eyes = wiring.eyes(
            settings,
            [forwarder(text) for text in resolvers],
            anchor,
            as_of,
            ports={ip: port for ip, port in chosen if port is not None},
            warm=True,
            step=timedelta(seconds=timeout) if timeout is not None else None,
        )
    terminal.need_output()
    with ExitStack() as opened:
        told = [
            _main_teller(
                streams,
                notice if notice is not None else EXPIRY_NOTICE,
                opportunistic=opportunistic,
                silent=STDOUT in (save, prometheus),
            ),
            *([Saved(_output(save, "--save", opened))] if save is not None else []),
            *([Metrics(_output(prometheus, "--prometheus", opened))] if prometheus is not None else []),
        ]
        desk = _Desk(told, lambda seen: judge_target(seen, roots, notice, as_of), lenient=opportunistic)
        if eyes is None:
            status = _again(evidence, desk)
        else:
            family: Literal[4, 6] | None = 4 if ipv4 else 6 if ipv6 else None
            looker = Looker(eyes, Looking(tuple(ip for ip, _ in chosen), family, jobs))
            status = _live(looker, wanted, desk, Progress(wanted, wiring.clock()))
    raise click.exceptions.Exit(status)


def _main_teller(streams: Mapping[str, bool], notice: timedelta, *, opportunistic: bool, silent: bool) -> Teller:
    if streams["--nagios"]:
        return Plugin(notice, opportunistic=opportunistic)
    if streams["--json"]:
        return Whole()
    if streams["--json-lines"]:
        return Lines()
    if streams["--brief"]:
        return Brief()
    return Silent() if silent else Transcripts()


def _live(looker: Looker, targets: Sequence[Target], desk: _Desk, progress: Progress) -> int:
    """Look at all of them. Interrupted, it tells what is done; raises ``KeyboardInterrupt`` then."""

    async def work() -> None:
        shown = asyncio.create_task(progress.show())
        try:
            async for place, target, looked in looker.look_at_all(progress.taken()):
                progress.done(target)
                desk.take(place, target, looked)
                progress.redraw()
        finally:
            shown.cancel()

    try:
        interruption.run(work())
    except KeyboardInterrupt:
        desk.end(progress.unfinished)
        raise
    return desk.end()


def _again(files: Sequence[str], desk: _Desk) -> int:
    """Judge what was seen before. Raises ``DanelawError("NO_TARGETS")`` where that is nothing."""
    count = 0
    for seen in read_evidence(files):
        desk.take(count, seen.target, seen)
        count += 1
    if not count:
        raise DanelawError(
            "NO_TARGETS",
            f"there is no evidence in {', '.join(files)}",
            hint="name a file that danelaw check --save has written",
        )
    return desk.end()


def _output(name: str, option: str, opened: ExitStack) -> OutputFile | None:
    """None for standard output."""
    if name == STDOUT:
        return None
    file = OutputFile(Path(name), option)
    opened.callback(file.give_up)
    return file


def _one_of(given: Mapping[str, bool]) -> None:
    both = [option for option, is_given in given.items() if is_given]
    if len(both) > 1:
        raise click.UsageError(f"{both[0]} and {both[1]} both want standard output")


def _nothing_with(option: str, others: Mapping[str, object]) -> None:
    for other, value in others.items():
        if value:
            raise click.UsageError(f"{option} judges what was seen before: {other} has no say in that")


def _settings(file: Path | None) -> Config | None:
    if file is None:
        return None
    from danelaw.app.config import load  # here, since few have one, and it takes long to import

    return load(file)
