"""Secrets of a run whose places say back what they are sent: what somebody may come to see of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from runner_world import Host, living

from secret_forms import FORMS, told_in

pytestmark = pytest.mark.slow

WIDE: Final = {"gap_passes": 1000}
"""What was seen vouches for minutes here, however slow the machine."""
KEY: Final = "powerdns-Zk3vQ9xT7bWm"
HOOK: Final = "hook-T0bQx83mLw9eRy5u"
SIGNS: Final = "signs-8sKd02hfPq6vNc1A"
SECRETS: Final = (KEY, HOOK, SIGNS)


@contextmanager
def echoing() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the heads of all requests; each comes back in every form, refused."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            head = f"{self.command} {self.path} {self.headers}"
            heard.append(head)
            # Each in turn comes first: the end of what is said is left out.
            first = len(heard) % len(FORMS)
            forms = [*[*FORMS.values()][first:], *FORMS.values()]
            known = [head.replace("\n", " "), *([SIGNS] if "/hooks" in self.path else [])]
            said = b" ".join(form(part.encode()) for form in forms for part in known)
            self.send_response(400)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - the library's names

        def log_message(self, *args: object) -> None:
            del args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", heard
        finally:
            server.shutdown()
            thread.join()


def configure(host: Host, folder: Path, url: str) -> None:
    """The zone is PowerDNS's from now on; who is told hears by a hook, and by a program that says what it was given."""
    program = folder / "told"
    program.write_text(
        f'#!/bin/sh\ncat /proc/self/environ /proc/$$/cmdline >> "{folder}/given"\ncat >> "{folder}/given"\n'
    )
    program.chmod(0o700)
    for name, secret in (("hook", f"{url}/hooks/{HOOK}?to=us"), ("signs", SIGNS)):
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    before, _, rest = host.config.read_text(encoding="utf-8").partition("[publishers.zone]\n")
    zone = f'[publishers.zone]\ntype = "powerdns"\nzone = "{host.world.zone}"\nds_ttl = 1\n'
    zone += f'url = "{url}"\napi_key_env = "TEST_POWERDNS_KEY"\n\n'
    hook = f'[notify.hook]\ntype = "webhook"\nurl_file = "{folder}/hook"\nsecret_file = "{folder}/signs"\nafter = 0\n'
    hook += f'[notify.program]\ntype = "command"\ncommand = ["{program}"]\nafter = 0\n'
    hook += f'[metrics]\ntextfile = "{folder}/danelaw.prom"\n'
    limits = rest[rest.index("[limits]") :]
    host.config.write_text(f"{before}{zone}{limits}\n{hook}", encoding="utf-8")


def test_what_is_echoed_is_nowhere_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with living(tmp_path, monkeypatch, capfd, limits=WIDE) as host, echoing() as (url, heard):
        assert host.run("run", "--wait", "300").status == 0
        configure(host, tmp_path, url)
        monkeypatch.setenv("TEST_POWERDNS_KEY", KEY)
        assert host.run("roll", "www.dotnxdomain.net:443/tcp").status == 0
        said = []
        for _ in range(30):
            said.append(host.run("run", "--wait", "20", "--json"))
            if any(KEY in head for head in heard):
                break
        words = (
            "run --wait 0",
            "run --test-notifications",
            "status",
            "status --json",
            "history",
            "history --json",
            "plan",
        )
        said += [host.run(*line.split()) for line in words]
        assert all(any(secret in head for head in heard) for secret in (KEY, HOOK)), "they were sent"
        shown = "\n".join(one.out + one.err for one in said)
        assert "API_REFUSED" in shown
        assert "HOOK_NOT_TAKEN" in shown
        assert (tmp_path / "given").exists()
        files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in ("hook", "signs")]
        assert {"given", "danelaw.prom", "store.sqlite", "store.notices"} <= {path.name for path in files}
        seen = {"what it said": shown} | {str(path): path.read_bytes().decode("latin-1") for path in files}
        assert {where for where, text in seen.items() for secret in SECRETS if told_in(text, secret)} == set()


def test_the_hunt_would_notice() -> None:
    for form in FORMS.values():
        assert all(told_in(form(f"to {secret}!".encode()).decode(), secret) for secret in SECRETS)
