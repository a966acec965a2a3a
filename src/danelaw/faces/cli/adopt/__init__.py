"""``danelaw adopt``: certificates that another client got are taken over. One file per client."""

from __future__ import annotations

from typing import Final

import click

from danelaw.faces.cli.lazily import LazyGroup

COMMANDS: Final = {
    "certbot": "take over what certbot has, or give it back",
}
"""What there is, and what it does."""


@click.group(cls=LazyGroup, package=__name__, table=COMMANDS)
def adopt() -> None:
    """Take over certificates that another client got, without an outage; and give them back."""
