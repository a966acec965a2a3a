"""Groups of subcommands, each of which is imported when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """``table`` says what there is and what it does: NAME is the command of that name in the module PACKAGE.NAME."""

    def __init__(self, *arguments: Any, package: str, table: Mapping[str, str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._package = package
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self._table:
            return None
        found = getattr(importlib.import_module(f"{self._package}.{cmd_name}"), cmd_name)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Out of the table: nothing needs to be imported to be told of."""
        del ctx
        if not self._table:
            return
        with formatter.section("Commands"):
            formatter.write_dl(list(self._table.items()))
