"""Packages that import their parts when a name is asked for: what type checkers read is what programs get."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PACKAGES = ("danelaw.core.model", "danelaw.core.tlsa")


def declared(package: str) -> dict[str, str]:
    """What the imports under ``TYPE_CHECKING`` say: each name, and the module that it comes from."""
    tree = ast.parse((SOURCE / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_gives_what_it_declares(package: str) -> None:
    names = declared(package)
    given = importlib.import_module(package)
    assert sorted(given.__all__) == sorted(names)
    for name, module in names.items():
        assert getattr(given, name) is getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_is_not_there_is_no_attribute(package: str) -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        importlib.import_module(package).nonsense  # noqa: B018 - the access is what fails


@pytest.mark.parametrize(
    "first",
    ["import danelaw.core.tlsa.match", "from danelaw.core.tlsa import clients", "from danelaw.core.tlsa import match"],
)
def test_a_name_stays_itself_though_a_submodule_bears_it_too(first: str) -> None:
    code = f"{first}\nfrom danelaw.core.tlsa import match, associate\nprint(callable(match), callable(associate))"
    said = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout == "True True\n"


def test_submodules_that_bear_no_name_of_the_package_are_found_as_ever() -> None:
    from danelaw.core.tlsa import records

    assert isinstance(records, ModuleType)
