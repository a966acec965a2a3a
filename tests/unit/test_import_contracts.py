"""The arrows between the rooms hold, and each contract notices when one is reversed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / "pyproject.toml"
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

# Contract, the module that gets a line, the line.
REVERSED = [
    ("layers", "core/model/reversed.py", "import danelaw.ports"),
    ("layers", "core/reversed.py", "import danelaw.adapters"),
    ("layers", "core/dnssec/reversed.py", "import danelaw.worlds.lab"),
    ("layers", "core/rollover/reversed.py", "from danelaw.app import reversed_engine"),
    ("layers", "core/model/reversed.py", "from danelaw import wiring"),
    ("layers", "core/model/reversed.py", "from danelaw.faces import reversed_face"),
    ("layers", "ports.py", "import danelaw.adapters"),
    ("layers", "ports.py", "import danelaw.worlds"),
    ("layers", "adapters/reversed.py", "from danelaw.app import reversed_engine"),
    ("layers", "adapters/reversed.py", "import danelaw.worlds.lab"),
    ("layers", "adapters/reversed.py", "from danelaw import wiring"),
    ("layers", "app/reversed.py", "import danelaw.adapters"),
    ("layers", "app/reversed.py", "import danelaw.worlds.lab"),
    ("layers", "app/reversed.py", "from danelaw import wiring"),
    ("layers", "worlds/lab/reversed.py", "import danelaw.adapters"),
    ("layers", "worlds/lab/reversed.py", "from danelaw.app import reversed_engine"),
    ("layers", "worlds/lab/reversed.py", "from danelaw import wiring"),
    ("layers", "wiring/__init__.py", "from danelaw.faces import reversed_face"),
    ("plug-board", "faces/reversed.py", "import danelaw.adapters"),
    ("plug-board", "faces/cli/reversed.py", "from danelaw.adapters.clock import system"),
    ("adapters", "adapters/clock/reversed.py", "import danelaw.adapters.store"),
    ("adapters", "adapters/publish/reversed.py", "import danelaw.adapters.zone"),
    ("adapters", "adapters/zone/reversed.py", "import danelaw.adapters.publish"),
    *(
        ("pure-core", "core/reversed.py", f"import {outside}")
        for outside in ("OpenSSL.SSL", "acme.client", "asyncio", "click", "requests", "rich.console", "socket", "ssl")
    ),
    ("pure-core", "core/reversed.py", "def late():\n    import subprocess"),
    ("crowd", "worlds/lab/crowd/reversed.py", "from danelaw.core.model import RRset"),
    ("crowd", "worlds/lab/crowd/reversed.py", "import danelaw.ports"),
    ("crowd", "worlds/lab/crowd/reversed.py", "from danelaw.app import reversed_engine"),
    ("crowd", "worlds/lab/crowd/reversed.py", "import danelaw.adapters"),
    ("crowd", "worlds/lab/crowd/reversed.py", "import danelaw.worlds.lab.reversed_neighbour"),
    ("crowd", "worlds/sim/clients.py", "from danelaw.core.tlsa import safe_match"),
    ("crowd", "worlds/sim/clients.py", "from danelaw.worlds.sim.zone import SimZone"),
    ("gate", "core/rollover/gate.py", "from danelaw.core.rollover import planner"),
    ("gate", "core/rollover/gate.py", "from danelaw.core.verdict import reversed_rule"),
]

# Modules that the lines above import, where the product has none of that name.
NEIGHBOURS = {
    "adapters/publish/__init__.py": "",
    "adapters/zone/__init__.py": "",
    "app/__init__.py": "",
    "app/reversed_engine.py": "",
    "core/rollover/gate.py": "",
    "core/rollover/planner.py": "",
    "core/verdict/__init__.py": "",
    "core/verdict/reversed_rule.py": "",
    "faces/__init__.py": "",
    "faces/cli/__init__.py": "",
    "faces/reversed_face.py": "",
    "wiring/__init__.py": "",
    "worlds/lab/reversed_neighbour.py": "import danelaw.core.model\n",
}


def lint_imports(source: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the arguments are this file's own
        [sys.executable, "-c", LINT_IMPORTS, "--no-logo", "--no-cache", "--config", str(CONFIG), *arguments],
        env={**os.environ, "PYTHONPATH": str(source)},
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of src/, every room of which is there."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    package = tmp_path / "src" / "danelaw"
    for name, text in NEIGHBOURS.items():
        if not (package / name).exists():
            (package / name).parent.mkdir(parents=True, exist_ok=True)
            (package / name).write_text(text, encoding="utf-8")
    return tmp_path / "src"


def test_every_contract_is_kept(source: Path) -> None:
    result = lint_imports(source)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("contract", "module", "line"), REVERSED, ids=[f"{c}: {m}: {line.split()[1]}" for c, m, line in REVERSED]
)
def test_a_reversed_arrow_breaks_its_contract(source: Path, contract: str, module: str, line: str) -> None:
    with (source / "danelaw" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    result = lint_imports(source, "--contract", contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "0 kept, 1 broken" in result.stdout


def test_the_zone_file_publisher_may_use_the_zone(source: Path) -> None:
    with (source / "danelaw" / "adapters" / "publish" / "zonefile.py").open("a", encoding="utf-8") as file:
        file.write("\nimport danelaw.adapters.zone\n")
    assert lint_imports(source, "--contract", "adapters").returncode == 0


def test_each_contract_has_a_reversed_arrow() -> None:
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    contracts = {contract["id"] for contract in config["tool"]["importlinter"]["contracts"]}
    assert contracts == {contract for contract, _, _ in REVERSED}
