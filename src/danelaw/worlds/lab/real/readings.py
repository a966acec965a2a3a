"""What the verifiers of others mean by their exit status and their words.

Their exit status says less than it seems to. ``ldns-dane`` and ``danetool`` end with 1 for a mismatch as for a service
that has no DANE yet; ``delv`` ends with 0 whatever it finds. So the words count, as of ldns 1.8.3, GnuTLS 3.7.9, BIND
9.18 and OpenSSL 3.0. Words that are not known here refuse: an oracle must not fall silent unnoticed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Answer(enum.StrEnum):
    ACCEPTED = "accepted"
    """The chain matches secure TLSA records."""
    REFUSED = "refused"
    """Not so, or what the DNS says is bogus or unanswered, or nobody serves what TLSA records promise."""
    UNDECIDED = "undecided"
    """There is no secure TLSA record, so DANE has no say."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``because``: the line that decides."""

    answer: Answer
    because: str


def ldns_dane(status: int, output: str) -> Reading:
    """Of ``ldns-dane verify``, which looks at every address. Without TLSA it goes on to PKIX, where it has no roots."""
    lines = _lines(output)
    accepted = _first(lines, "dane-validated successfully")
    if status == 0 and accepted:
        return Reading(Answer.ACCEPTED, accepted)
    nothing = _first(lines, "No TLSA records for", "were found, but were insecure", "No usable TLSA records")
    if nothing:
        return Reading(Answer.UNDECIDED, nothing)
    refused = _first(lines, "did not dane-validate", "were bogus", "Could not connect")
    return Reading(Answer.REFUSED, refused or _last(lines, status))


def danetool(status: int, output: str) -> Reading:
    """Of ``danetool --check``, which connects first, to the first address that lets it, and then asks for TLSA.

    Where it cannot connect it never learns whether there are TLSA records.
    """
    lines = _lines(output)
    accepted = _first(lines, "Verification: Certificate matches")
    if status == 0 and accepted:
        return Reading(Answer.ACCEPTED, accepted)
    nothing = _first(lines, "No DANE data were found", "No DNSSEC signature was found", "Could not connect to")
    if nothing:
        return Reading(Answer.UNDECIDED, nothing)
    refused = _first(lines, "Verification: ", "dane_query_tlsa: ", "Cannot resolve")
    return Reading(Answer.REFUSED, refused or _last(lines, status))


@dataclass(frozen=True, slots=True)
class Validated:
    """TLSA records that ``delv`` has validated, as ``openssl`` wants them."""

    rdatas: tuple[str, ...]


def delv(output: str) -> Validated | Reading:
    """Of ``delv +nosplit NAME TLSA``: secure records; or a refusal, or that there are none."""
    lines = _lines(output)
    failed = _first(lines, ";; resolution failed")
    negative = _first(lines, "; negative response")
    insecure = _first(lines, "; unsigned answer")
    secure = _first(lines, "; fully validated")
    rdatas = tuple(" ".join(words[4:]) for words in map(str.split, lines) if words[2:4] == ["IN", "TLSA"])
    if negative or insecure:
        return Reading(Answer.UNDECIDED, f"delv: {negative or insecure}")
    if failed or not secure or not rdatas:
        return Reading(Answer.REFUSED, f"delv: {failed or secure or _last(lines, 0)}")
    return Validated(rdatas)


def s_client(status: int, output: str) -> Reading:
    """Of ``openssl s_client -verify_return_error``; without that option a mismatch would end with 0."""
    lines = _lines(output)
    words = (" matched ", " signed the certificate ")  # the latter is said of a bare key that was in DNS alone
    said = (line for line in lines if line.startswith("DANE TLSA "))
    matched = next((line for line in said if any(word in line for word in words)), None)
    if status == 0 and matched:
        return Reading(Answer.ACCEPTED, matched)
    refused = _first(lines, "verify error:", "errno=", "TLSA")
    return Reading(Answer.REFUSED, refused or _last(lines, status))


def _lines(output: str) -> list[str]:
    return [line.strip() for line in output.splitlines() if line.strip()]


def _first(lines: Iterable[str], *words: str) -> str | None:
    """The first line that has some of the words; those named first count first."""
    kept = list(lines)
    return next((line for word in words for line in kept if word in line), None)


def _last(lines: list[str], status: int) -> str:
    return lines[-1] if lines else f"not a word, and status {status}"
