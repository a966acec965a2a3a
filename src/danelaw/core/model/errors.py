"""The shape of every error that a user meets: a stable code, what happened, the evidence, the next step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial


class DanelawError(Exception):
    """Something a user must hear of.

    ``code`` is stable and documented; ``evidence`` quotes what was seen; ``hint`` is the next thing to do.
    """

    def __init__(self, code: str, message: str, *, evidence: str = "", hint: str = "") -> None:
        super().__init__(code, message, evidence, hint)
        self.code = code
        self.message = message
        self.evidence = evidence
        self.hint = hint

    def __reduce__(self) -> tuple[Callable[..., DanelawError], tuple[str, str]]:
        """It goes from process to process."""
        return partial(type(self), evidence=self.evidence, hint=self.hint), (self.code, self.message)

    def __str__(self) -> str:
        said = f"{self.message} [{self.code}]"
        if "\n" in self.evidence:
            return f"{said}:\n{self.evidence}"
        return f"{said}: {self.evidence}" if self.evidence else said
