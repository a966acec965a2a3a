"""What a scenario file asks for that replays do not do."""

from __future__ import annotations


class UnsupportedError(ValueError):
    """The scenario is not one for us; ``line`` says where that was seen, 0 for the end."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}" if line else what)
        self.line = line
