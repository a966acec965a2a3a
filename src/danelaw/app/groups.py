"""Who has anything to do with whom: subjects that share a zone, a credential, a host or a name form a group.

What a pass reads, and whom its actions are judged for, is its group. The configuration shows most of what is shared;
that an alias leads into another's zone is seen, so that groups grow. They never fall apart again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dns.name import Name

from danelaw.core.model import SubjectName
from danelaw.core.rollover.leads import Leads
from danelaw.core.rollover.planner import Desired, DesiredService
from danelaw.core.rollover.reach import Reach, Reached


@dataclass(frozen=True, slots=True)
class Group:
    """``subjects`` and ``reach`` in the order of the configuration."""

    subjects: tuple[SubjectName, ...]
    reach: Reach


class Groups:
    """The groups of a configuration, as far as they are known by now.

    ``changeable``: zones that can be published in, beside those of the subjects. Two that lead into such a zone may
    both change it; two that lead into any other zone, as into that of the parent, have nothing to do with each other.
    """

    def __init__(self, desired: Mapping[SubjectName, Desired], reach: Reach, changeable: Iterable[Name] = ()) -> None:
        self._places = {subject: place for place, subject in enumerate(desired)}
        self._endpoints: dict[SubjectName, list[tuple[int, Reached]]] = {}
        self._above: dict[Hashable, Hashable] = {}
        self._members: dict[Hashable, list[SubjectName]] = {}
        self._made: dict[Hashable, Group] = {}
        self._zones = set(changeable)
        for subject, wanted in desired.items():
            self._members[self._root(subject)] = [subject]
            self._zones.add(wanted.zone)
        for place, reached in enumerate(reach.endpoints):
            self._endpoints.setdefault(reached.service, []).append((place, reached))
            self._zones.add(reached.zone)
        for subject, wanted in desired.items():
            for shared in _shared(wanted):
                self._join(subject, shared)
        for reached in reach.endpoints:
            for shared in _reaches(reached):
                self._join(reached.service, shared)

    @property
    def every(self) -> Sequence[Group]:
        """All groups, in the order of the configuration."""
        roots = dict.fromkeys(self._root(subject) for subject in self._places)
        return [self._group(root) for root in roots]

    def of(self, subject: SubjectName) -> Group:
        """The same object for as long as nobody joins the group."""
        return self._group(self._root(subject))

    def led(self, subject: SubjectName, leads: Leads) -> None:
        """What was seen of a subject leads there: whoever it concerns joins its group."""
        for zone in leads.zones & self._zones:
            self._join(subject, zone)
        for name in leads.aliased:
            above = name
            while len(above) > 1:
                if above in self._zones or above in self._above:
                    self._join(subject, above)
                above = above.parent()
        for server in leads.servers:
            if server in self._above:
                self._join(subject, server)

    def _group(self, root: Hashable) -> Group:
        found = self._made.get(root)
        if found is None:
            subjects = sorted(self._members[root], key=self._places.__getitem__)
            endpoints = sorted(
                (one for subject in subjects for one in self._endpoints.get(subject, ())), key=lambda one: one[0]
            )
            found = self._made[root] = Group(tuple(subjects), Reach(tuple(reached for _, reached in endpoints)))
        return found

    def _root(self, of: Hashable) -> Hashable:
        while (above := self._above.setdefault(of, of)) != of:
            self._above[of] = self._above[above]
            of = above
        return of

    def _join(self, one: Hashable, other: Hashable) -> None:
        """The smaller becomes part of the larger."""
        first, second = self._root(one), self._root(other)
        if first == second:
            return
        ours, theirs = self._members.get(first, []), self._members.get(second, [])
        if len(ours) < len(theirs):
            first, second, ours, theirs = second, first, theirs, ours
        self._above[second] = first
        if theirs:
            self._members[first] = [*ours, *theirs]
            del self._members[second]
            self._made.pop(first, None)
            self._made.pop(second, None)


def _shared(wanted: Desired) -> Iterable[Hashable]:
    """What others may have to do with as well."""
    yield wanted.zone
    if isinstance(wanted, DesiredService):
        yield from wanted.lineages
        yield from wanted.leaving
        yield from () if wanted.challenge_zone is None else (wanted.challenge_zone,)


def _reaches(reached: Reached) -> Iterable[Hashable]:
    yield from (reached.zone, reached.endpoint.host, *reached.bases, *reached.lineages)
    yield from (named.domain for named in reached.named_by)
