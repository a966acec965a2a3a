"""Packages whose parts are imported when a name of theirs is first asked for (PEP 562).

A command that is typed by hand should not wait for modules that it has no use of. Type checkers read the imports that
the package keeps under ``TYPE_CHECKING``, so that a name which is not there is an error as ever.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType


class _Package(ModuleType):
    """A package that may give a name which one of its submodules bears too, such as ``match``."""

    def __setattr__(self, name: str, value: object) -> None:
        """Importing a submodule puts it into its package under its own name: what the package gives stays in place."""
        if isinstance(value, ModuleType) and name in self.__all__:
            value = getattr(value, name)
        super().__setattr__(name, value)


def names_of(package: str, parts: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a package. ``parts``: of each submodule the names that the package gives, with spaces.

    They are those of its ``__all__``.
    """
    places = {name: part for part, names in parts.items() for name in names.split()}
    sys.modules[package].__class__ = _Package

    def find(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        found = getattr(importlib.import_module(f"{package}.{places[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return find
