"""Certificates of certbot's become services, as they were planned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from danelaw import wiring
from danelaw.app.adopt import named_by, take_over
from danelaw.app.config import Config, load
from danelaw.app.issuer_sections import AcmeConfig
from danelaw.app.operators_words import record
from danelaw.core.model import DanelawError
from danelaw.core.rollover.words import Adopted
from danelaw.faces.cli import interruption, saying, service_files, terminal
from danelaw.faces.cli.adopt.certificates import Told, published
from danelaw.faces.cli.adopt.planning import Asked, Plan, plans


def taken(
    path: Path, directory: Path, names: Sequence[str], asked: Asked, *, yes: bool, dry_run: bool
) -> Sequence[Told]:
    """None of them where one cannot be, which is told before anything is done.

    Raises ``DanelawError``: ``CERTBOT_BUSY``, ``CERTBOT_BROKEN``, ``CERTBOT_MIXED``, ``CERTBOT_SHARED_KEY``,
    ``CERTBOT_SAME_NAMES``, ``SERVICE_FILE_EXISTS``, ``PUBLISHER_UNCLEAR``, ``ISSUER_UNCLEAR``, ``RELOAD_UNCLEAR``, and
    as the configuration and the steps do.
    """
    if dry_run:
        return [one for plan in plans(path, directory, names, asked) for one in _would(plan)]
    with wiring.certbot_locked(directory):
        planned = plans(path, directory, names, asked)
        going = [name for plan in planned if not plan.done for name in plan.names]
        if going and not yes and terminal.interactive():
            terminal.say(f"certbot will renew no more: {', '.join(going)}. Danelaw will.")
            click.confirm("Take over?", abort=True, err=True)
        return [one for plan in planned for one in _done(path, directory, plan)]


def _would(plan: Plan) -> Sequence[Told]:
    text = [("", line) for line in plan.text.splitlines() if line] if plan.text is not None else []
    what = "is Danelaw's already" if plan.done else "would be taken over"
    return _told(plan, what, (*_noticed(plan), *text))


def _done(path: Path, directory: Path, plan: Plan) -> Sequence[Told]:
    if plan.done:
        return _told(plan, "is Danelaw's already", ())
    text = plan.text

    def enrol() -> None:
        with wiring.as_owner_of(plan.file):
            service_files.create(plan.file, text or "")

    config = load(path, {plan.file: text} if text is not None else None)
    account = _account(directory, config, plan)
    store = wiring.own_credentials(config, {one.lineage: one.target for one in plan.adoptions})
    since = f"{wiring.clock().now():%Y-%m-%d}"
    new = enrol if text is not None else None
    interruption.run(take_over(plan.adoptions, store, wiring.live_paths(), new, since))
    records = interruption.run(_records(load(path), plan))
    return _told(
        plan, "taken over", (*_noticed(plan), *account, *records, ("type", f"danelaw run {plan.service.subject}"))
    )


def _told(plan: Plan, what: str, more: Sequence[tuple[str, str]]) -> Sequence[Told]:
    """Of each certificate; what concerns the service is told with the last one."""
    service, last = ("service", f"{plan.service.subject} in {plan.file}"), plan.names[-1]
    return [
        Told(
            name,
            plan.service.subject,
            what,
            plan.file,
            (service, ("server", f"{one.files.live} leads to {one.target}"), *(more if name == last else ())),
        )
        for name, one in zip(plan.names, plan.adoptions, strict=True)
    ]


def _noticed(plan: Plan) -> Sequence[tuple[str, str]]:
    return [("notice", one) for one in plan.notices]


def _account(directory: Path, config: Config, plan: Plan) -> Sequence[tuple[str, str]]:
    """The issuer goes on with certbot's account, which CAA records may name, unless it has one already."""
    issuer, name = config.issuers[plan.service.issuer], plan.renewal.account
    if not isinstance(issuer, AcmeConfig) or issuer.directory != plan.renewal.directory or name is None:
        return []
    try:
        found = wiring.certbot_account(directory, issuer.directory, name)
    except DanelawError as error:
        return [("notice", f"{error}: {error.evidence}; {error.hint}")]
    if found is None:
        return []
    key, url = found
    try:
        goes_on = wiring.take_account(config, issuer, key, url)
    except DanelawError as error:
        return [("notice", f"certbot's account {url} stays behind: {error}: {error.evidence}; {error.hint}")]
    if goes_on:
        return [("account", f"{url}, certbot's, in {issuer.account}")]
    stays = f"the account in {issuer.account} stays; certbot's is {url}"
    return [("notice", f"{stays}: where CAA records name that (accounturi), change them")]


async def _records(config: Config, plan: Plan) -> Sequence[tuple[str, str]]:
    """The TLSA records that match are Danelaw's from now on."""
    found, unknown = await published(config, plan.service)
    matching = [(one.lineage, named_by(found, one.chain)) for one in plan.adoptions]
    every = sorted({one.brief() for _, records in matching for one in records})
    if every:
        store = wiring.lasting_store(config, wiring.blocking())
        try:
            for lineage, records in matching:
                rdatas = frozenset(one.to_rdata() for one in records)
                if rdatas:
                    word = Adopted(wiring.clock().now(), lineage, rdatas, saying.who())
                    await record(store, plan.service.subject, word)
        finally:
            await store.close()
    told = [("records", f"adopted: {', '.join(every)}")] if every else []
    return [*told, *(("notice", one) for one in unknown)]
