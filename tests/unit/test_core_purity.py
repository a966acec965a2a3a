"""The core does no I/O, reads no clock and draws no random number: these are arguments.

import-linter sees imports of whole packages; this sees names, such as one function of a module that is otherwise pure.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CORE = sorted((ROOT / "src" / "danelaw" / "core").rglob("*.py"))

# A banned name bans everything below it: "os" bans os.environ.
BANNED = frozenset(
    [
        *("open", "print", "input", "breakpoint", "eval", "exec", "__import__"),
        *("os", "io.open", "io.FileIO", "sys.stdin", "sys.stdout", "sys.stderr", "shutil", "tempfile", "glob"),
        *("fileinput", "pathlib", "mmap", "fcntl", "logging", "importlib", "sqlite3", "ctypes"),
        *("socket", "socketserver", "ssl", "select", "selectors", "http", "urllib.request", "urllib3", "requests"),
        *("asyncio", "concurrent", "threading", "multiprocessing", "subprocess", "signal", "_thread"),
        *("time", "sched", "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow"),
        *("datetime.date.today", "secrets", "random", "uuid.uuid1", "uuid.uuid4", "uuid.getnode"),
        *("dns.query", "dns.asyncquery", "dns.resolver", "dns.asyncresolver", "dns.inet", "dns.entropy"),
        *("dns.zone.from_file", "dns.message.from_file", "dns.message.make_query"),
        *("OpenSSL", "acme", "josepy", "sqlalchemy", "alembic", "click", "rich", "h11"),
    ]
)

# Banned on whatever they are called: what the object is cannot be seen from the text.
BANNED_METHODS = frozenset(
    [
        *("read_text", "read_bytes", "write_text", "write_bytes", "open", "unlink", "mkdir", "rename", "iterdir"),
        *("now", "today", "utcnow", "sleep"),
        *("generate_private_key", "generate"),
    ]
)


def banned(dotted: str) -> bool:
    parts = dotted.split(".")
    return any(".".join(parts[:length]) in BANNED for length in range(1, len(parts) + 1))


class Names(ast.NodeVisitor):
    """Collects what is banned, by the full name that each import gave it."""

    def __init__(self) -> None:
        self.meaning: dict[str, str] = {}
        self.found: list[tuple[int, str]] = []

    def _judge(self, node: ast.AST, dotted: str) -> None:
        if banned(dotted):
            self.found.append((getattr(node, "lineno", 0), dotted))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._judge(node, alias.name)
            first = alias.name.split(".")[0]
            self.meaning[alias.asname or first] = alias.name if alias.asname else first

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            dotted = f"{node.module}.{alias.name}"
            if node.level == 0:
                self._judge(node, dotted)
                self.meaning[alias.asname or alias.name] = dotted

    def _dotted(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self.meaning.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            below = self._dotted(node.value)
            return None if below is None else f"{below}.{node.attr}"
        return None

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and (node.id in self.meaning or node.id in BANNED):
            self._judge(node, self.meaning.get(node.id, node.id))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = self._dotted(node)
        if dotted is None or dotted.split(".")[0] not in {name.split(".")[0] for name in self.meaning.values()}:
            self.visit(node.value)
        else:
            self._judge(node, dotted)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in BANNED_METHODS:
            self.found.append((node.lineno, f".{node.func.attr}()"))
        self.generic_visit(node)


def impurities(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of everything in ``source`` that reaches outside."""
    tree = ast.parse(source)
    names = Names()
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in imports:  # first of all: a function may stand above the import that it uses
        names.visit(node)
    names.found.clear()
    names.visit(tree)
    yield from names.found


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_is_pure(path: Path) -> None:
    assert list(impurities(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "open('zone')",
        "print('hello')",
        "input()",
        "x = list(map(open, names))",
        "from pathlib import Path\nPath('zone').read_text()",
        "def f(path): return path.read_bytes()",
        "def f(path): path.write_text('')",
        "def f(path): return path.open()",
        "import socket",
        "import ssl as tls",
        "from ssl import SSLContext",
        "import asyncio",
        "import subprocess",
        "import threading",
        "from concurrent.futures import ThreadPoolExecutor",
        "def f():\n    import socket",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import socket",
        "from datetime import UTC, datetime\ndatetime.now(UTC)",
        "import datetime as dt\ndt.datetime.now(dt.UTC)",
        "from datetime import datetime as d\nclock = d.utcnow",
        "import datetime\ndatetime.date.today()",
        "def f(clock): return clock.now()",
        "import time",
        "from time import monotonic",
        "import secrets",
        "import random",
        "from random import choice as pick",
        "import os\nos.urandom(8)",
        "import os\nos.environ['HOME']",
        "from os import getenv",
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid4",
        "import dns.query",
        "from dns import query",
        "import dns.resolver as r",
        "import dns\nx = dns.asyncquery.udp",
        "import dns.zone\ndns.zone.from_file('zone')",
        "from dns.zone import from_file",
        "import dns.message\ndns.message.make_query('example.net', 'TLSA')",
        "from cryptography.hazmat.primitives.asymmetric import ec\nec.generate_private_key(ec.SECP256R1())",
        "import sys\nx = sys.stdout",
        "import logging",
        "import OpenSSL.SSL",
        "exec('import socket')",
    ],
)
def test_reaching_outside_is_caught(source: str) -> None:
    assert list(impurities(source))


@pytest.mark.parametrize(
    "source",
    [
        "def judge(now): return now",
        "from datetime import UTC, datetime, timedelta\ndatetime(2026, 11, 23, tzinfo=UTC) + timedelta(days=1)",
        "from datetime import datetime\ndatetime.fromtimestamp(0)",
        "import dns.name\ndns.name.from_text('example.net.')",
        "import dns.zone\ndns.zone.from_text('')",
        "from dns.rdatatype import TLSA",
        "import hashlib\nhashlib.sha256(b'').digest()",
        "import re\nre.compile('a')",
        "import uuid\nuuid.UUID(int=0)",
        "from danelaw.core.model import Limits",
        "class A:\n    open: bool = False\n\ndef f(a): return a.open",
        "def f(request): return request.now",
        "from urllib.parse import urlsplit",
        "timestamp = 1\nx = timestamp",
        "random = 3",
    ],
)
def test_pure_code_passes(source: str) -> None:
    assert list(impurities(source)) == []
