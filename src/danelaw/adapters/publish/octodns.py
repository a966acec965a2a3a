"""Publishing through a provider of octoDNS, for the many places that have an interface of their own.

Of octoDNS only the providers are used: one step reads what the place holds and hands it a plan of one change. Providers
know no preconditions (see ``compared``) and no serials, and some make the change record by record.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any, Final, TypeVar

import requests
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.publish.change import same
from danelaw.adapters.publish.compared import Found
from danelaw.adapters.publish.presentation import rdata_of, rdata_text, type_text
from danelaw.adapters.publish.secret import Secret
from danelaw.core.model import Absence, Answer, DanelawError, RRset
from danelaw.core.secrecy import hide
from danelaw.ports import Blocking

T = TypeVar("T")

PATIENCE: Final = timedelta(seconds=120)
"""For one step. Some providers read a zone page by page."""

_SHOWN: Final = 400
_READ: Final = 1 << 12


class _Discreet(logging.Filter):
    """Providers log what they like, and what nobody takes of that goes to standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()

    def keep(self, secrets: Iterable[str]) -> None:
        self._secrets.update(secrets)
        if logging.lastResort is not None:
            logging.lastResort.addFilter(self)  # once, however often

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = hide(record.getMessage()[:_READ], self._secrets), None
        record.exc_info = record.exc_text = None  # which may quote them anywhere
        return True


_DISCREET: Final = _Discreet()


class OctoDNSZone:
    """Implements ``compared.Place``.

    ``provider``: the class, as ``octodns_cloudflare.CloudflareProvider``. ``options``: its keyword arguments;
    ``secrets``: those that are secret. Raises ``PROVIDER_MISSING``, ``PROVIDER_UNSUITED``, ``API_REDIRECTS``,
    ``PROVIDER_FAILED``, and ``TimeoutError``, after which a change may have been made or not.
    """

    def __init__(
        self,
        zone: Name,
        provider: str,
        options: Mapping[str, object],
        secrets: Mapping[str, Secret],
        blocking: Blocking,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._zone = zone
        self._class = provider
        self._options = dict(options)
        self._secrets = dict(secrets)
        _DISCREET.keep(secret.value for secret in secrets.values())
        self._blocking = blocking
        self._patience = patience

    @property
    def zone(self) -> Name:
        return self._zone

    async def read(self, owner: Name, type: int) -> Found:
        def step() -> Found:
            return Found(self._answer(self._populated(self._made()), owner, type))

        return await self._step(step)

    async def write(self, wanted: Answer, before: Found) -> bool:
        def step() -> bool:
            provider = self._made()
            existing = self._populated(provider)
            if not same(self._answer(existing, wanted.owner, wanted.type), before.answer):
                return False
            provider.apply(self._plan(provider, existing, wanted))
            return True

        return await self._step(step)

    async def _step(self, step: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return step()
            except DanelawError:
                raise
            except Exception as error:  # noqa: BLE001 - providers raise what they like, and their kinds have no common base
                raise DanelawError(
                    "PROVIDER_FAILED",
                    f"{self._class} could not do it",
                    evidence=self._hidden(f"{type(error).__name__}: {error}"),
                    hint="are options and secrets as the provider's own page wants them?",
                ) from None  # its traceback holds the secrets

        return await self._blocking.call(guarded, self._patience)

    def _made(self) -> Any:
        """A new one at each step, for they remember what they have read."""
        module, _, name = self._class.rpartition(".")
        try:
            provider = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise DanelawError(
                "PROVIDER_MISSING",
                f"there is no provider {self._class}",
                evidence=str(error),
                hint=f"install {module.partition('.')[0].replace('_', '-') or 'it'} beside danelaw[octodns]",
            ) from error
        given = self._options | {key: secret.value for key, secret in self._secrets.items()}
        if "retry_count" in inspect.signature(provider).parameters:
            # A later pass tries again; meanwhile nothing is to be on its way that nobody waits for.
            given = {"retry_count": 1, **given}
        made = provider("danelaw", **given)
        for session in _sessions(made):
            session.hooks["response"].append(self._require_direct)
        return made

    def _require_direct(self, reply: requests.Response, **_: object) -> None:
        """Of the headers that hold secrets, only one is known to be none of another host's business."""
        if reply.is_redirect:
            raise DanelawError(
                "API_REDIRECTS",
                f"whom {self._class} asks sends us elsewhere",
                evidence=self._hidden(f"{reply.url} leads to {reply.headers['Location']}"),
                hint="name in options where it really is",
            )

    def _populated(self, provider: Any) -> Any:
        existing = import_module("octodns.zone").Zone(self._zone.to_text(), [])
        exists = provider.populate(existing, target=True, lenient=True)
        if exists is False or not existing.records:
            # What takes whole zones only, such as a writer of files, shows nothing here, and would write nothing else.
            raise self._unsuited(
                f"it does not show that it holds {self._zone}", "is the zone there, for these secrets?"
            )
        return existing

    def _answer(self, existing: Any, owner: Name, type: int) -> Answer:
        here = {
            record._type: record
            for record in existing.records
            if record.fqdn.lower() == owner.to_text().lower() and record._type in (type_text(type), "CNAME")
        }
        for kind in (type, RdataType.CNAME):
            if record := here.get(type_text(kind)):
                rrset = record.to_rrset()
                try:
                    rdatas = frozenset(rdata_of(kind, text) for text in rrset.rdatas)
                except ValueError as error:
                    raise self._unsuited(
                        f"it shows a record that cannot be read: {error}", "mend it by hand"
                    ) from error
                return RRset(owner, kind, int(rrset.ttl), rdatas)
        return Absence(owner, type, 0)

    def _plan(self, provider: Any, existing: Any, wanted: Answer) -> Any:
        octodns, plan = import_module("octodns.record"), import_module("octodns.provider.plan")
        kind = type_text(wanted.type)
        if kind not in provider.SUPPORTS:
            raise self._unsuited(f"it does not know {kind} records", "use another publisher for this zone")
        fqdn = wanted.owner.to_text()
        old = next((r for r in existing.records if r.fqdn.lower() == fqdn.lower() and r._type == kind), None)
        desired = existing.copy()
        if isinstance(wanted, RRset):
            texts = sorted(rdata_text(wanted.type, rdata) for rdata in wanted.rdatas)
            rrset = octodns.Rrset(fqdn, kind, wanted.ttl, texts)
            new = octodns.Record.from_rrset(existing, rrset, lenient=True, source=provider)
            desired.add_record(new, replace=True, lenient=True)
            change = octodns.Create(new) if old is None else octodns.Update(old, new)
        else:
            desired.remove_record(old)
            change = octodns.Delete(old)
        return plan.Plan(existing, desired, [change], True)

    def _unsuited(self, evidence: str, hint: str) -> DanelawError:
        what = f"{self._class} cannot be used for {self._zone}"
        return DanelawError("PROVIDER_UNSUITED", what, evidence=self._hidden(evidence), hint=hint)

    def _hidden(self, text: str) -> str:
        text = hide(text[:_READ], [secret.value for secret in self._secrets.values()])
        shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _sessions(provider: object) -> Iterator[requests.Session]:
    """What a provider asks by: its own, or that of a client that it has."""
    for held in (provider, *getattr(provider, "__dict__", {}).values()):
        for inner in getattr(held, "__dict__", {}).values():
            if isinstance(inner, requests.Session):
                yield inner
