"""What is recorded of a subject and of whom it has to do with: its group, and never all subjects at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from dns.name import Name

from danelaw.app.groups import Group, Groups
from danelaw.app.toolbox import Subjects
from danelaw.core.model import SubjectName
from danelaw.core.rollover import clock
from danelaw.core.rollover.facts import Dated, Fact
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.leads import leads_of
from danelaw.ports import Store


class Known:
    """The groups of a configuration, and what a store has of each. ``changeable``: as for ``Groups``.

    Raises ``DanelawError``: what the store does.
    """

    def __init__(self, store: Store, subjects: Subjects, changeable: Iterable[Name] = ()) -> None:
        self._store = store
        self._desired = subjects.desired
        self._groups = Groups(subjects.desired, subjects.reach, changeable)
        self._dating: SubjectName | None = None
        """Of which it was last told what time it is by another clock than ours."""
        self._begun = False
        self._beginning = asyncio.Lock()

    def renew_locks(self) -> None:
        """Those of one event loop."""
        self._beginning = asyncio.Lock()

    async def begin(self) -> None:
        """Learns once, from all that is recorded, who has to do with whom; whoever asks first does it."""
        if self._begun:
            return
        async with self._beginning:
            if self._begun:
                return
            told = await self._store.overview()
            for subject, leads in told.leads.items():
                if subject in self._desired:
                    self._groups.led(subject, leads)
            self._dating = told.dated if told.dated in self._desired else None
            self._begun = True

    @property
    def together(self) -> Sequence[Sequence[SubjectName]]:
        """All subjects of the configuration, by group, as far as these are known by now."""
        return [group.subjects for group in self._groups.every]

    def group_of(self, subject: SubjectName) -> Group:
        """As far as it is known by now."""
        return self._groups.of(subject)

    def learnt(self, subject: SubjectName, facts: Iterable[Fact]) -> None:
        """What was seen of a subject just now, before it is recorded: whoever it concerns joins its group."""
        self._groups.led(subject, leads_of(facts))

    def recorded(self, subject: SubjectName, facts: Iterable[Fact]) -> None:
        """By now it is."""
        if any(isinstance(fact, Dated) for fact in facts):
            self._dating = subject

    async def around(self, subject: SubjectName) -> tuple[Facts, Group]:
        """Everything known of the group of a subject: they share zones and credentials, and the gate judges them
        together. What another clock said last concerns everybody, whoever was told."""
        await self.begin()
        group = self._groups.of(subject)
        facts = await self._of(group)
        while (now := self._groups.of(subject)) is not group:
            group = now
            facts = await self._of(group)
        if self._dating is not None and (elsewhere := self._groups.of(self._dating)) is not group:
            dated = (await self._of(elsewhere)).dated
            if dated is not None and (facts.dated is None or facts.dated.at < dated.at):
                facts = facts.add(dated)
        return facts, group

    async def clocks(self, boot: str) -> Facts:
        """What our clocks are compared with: the last reading, else the group of which anything was seen or done last.

        ``boot``: as in ``Toolbox``.
        """
        facts = await self._store.facts(clock.CLOCK)
        return facts if facts.clock(boot) is not None else await self._latest() or facts

    async def _latest(self) -> Facts | None:
        """None: nothing was."""
        told = await self._store.overview()
        groups = dict.fromkeys(self._groups.of(one) for one in told.latest if one in self._desired)
        known = [await self._of(group) for group in groups]
        seen = [(one.latest, place) for place, one in enumerate(known) if one.latest is not None]
        return known[max(seen)[1]] if seen else None

    async def _of(self, group: Group) -> Facts:
        return await self._store.facts(*group.subjects, clock.CLOCK)
