"""certbot's directory, where Danelaw takes a certificate over from it, or gives it back.

    CONFIG/renewal/NAME.conf                  what certbot renews; it reads *.conf and no other file there
    CONFIG/renewal/NAME.conf.danelaw          the same while Danelaw has the certificate
    CONFIG/live/NAME/{cert,chain,...}.pem     what servers read: symbolic links to the newest of
    CONFIG/archive/NAME/cert3.pem, ...        every certificate and key that there was
    CONFIG/live/NAME.before-danelaw           while Danelaw has the certificate: the directory that was live/NAME
    CONFIG/renewal-hooks/{pre,deploy,post}/   programs that it runs at every renewal of any certificate

The directory live/NAME and a symbolic link to Danelaw's own live directory change places by one system call: there is
no instant at which a server that reads its files finds none, or a key of the one and a certificate of the other, since
both hold the same then. Every step may be done again, and whoever is killed between two of them leaves what serves.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import realpath
from pathlib import Path
from typing import Final

from danelaw.adapters.deploy import durable, x509
from danelaw.adapters.deploy.credentials import CERT, CHAIN, FULLCHAIN, PRIVKEY
from danelaw.core.model import DanelawError

KINDS: Final = (PRIVKEY, CERT, CHAIN, FULLCHAIN)
LOCK: Final = ".certbot.lock"
_RENAME_EXCHANGE: Final = 2
_AT_FDCWD: Final = -100
_LONGEST: Final = 1 << 20
_NUMBERED: Final = re.compile(r"(?:cert|chain|fullchain|privkey)([0-9]+)\.pem")
_ENROLL: Final = "certbot would not renew it either: mend it, or enroll the service: docs/how-to/adopt-certbot.md"
_RESTORE: Final = "restore it from a backup, as it was: four symbolic links to the newest files of archive/NAME"
_NOTE: Final = """\
certbot renews {name} no more: Danelaw does, since {since}.
The file beside this one, {aside}, is what certbot read, unchanged.
To give the certificate back to certbot: danelaw adopt certbot --cert-name {name} --undo
"""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """While it is entered, no certbot works in this directory: it takes the same lock.

    Raises ``DanelawError``: ``CERTBOT_BUSY``, ``CERTBOT_UNUSABLE``.
    """
    path = directory / LOCK
    while True:
        try:
            handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(directory, error) from error
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            hint = "wait until it has ended, and try again"
            raise DanelawError("CERTBOT_BUSY", f"certbot is at work in {directory}", hint=hint) from error
        if _is_at(handle, path):
            break
        os.close(handle)  # certbot deletes its lock when it ends: this was the one before
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


@dataclass(frozen=True, slots=True)
class CertbotFiles:
    """The files of one certificate of certbot's. All methods raise ``DanelawError("CERTBOT_UNUSABLE")``."""

    directory: Path
    name: str

    @property
    def live(self) -> Path:
        return self.directory / "live" / self.name

    @property
    def aside(self) -> Path:
        return self.live.with_name(f"{self.name}.before-danelaw")

    @property
    def conf(self) -> Path:
        return self.directory / "renewal" / f"{self.name}.conf"

    @property
    def conf_aside(self) -> Path:
        return self.conf.with_name(f"{self.conf.name}.danelaw")

    @property
    def note(self) -> Path:
        return self.conf.with_name(f"{self.conf.name}.danelaw.txt")

    @property
    def taken(self) -> Path | None:
        """What live/NAME leads to, while it is no directory of certbot's."""
        return self.live.readlink() if self.live.is_symlink() else None

    @property
    def away(self) -> bool:
        """Whether certbot's own directory lies aside, as long as somebody put nothing but a link in its place."""
        there = self.live.is_dir() and not self.live.is_symlink()
        return not there and self.aside.is_dir() and not self.aside.is_symlink()

    @property
    def suspended(self) -> bool:
        """Whether certbot renews it no more."""
        return not self.conf.exists() and self.conf_aside.exists()

    @property
    def original(self) -> Path:
        """certbot's own directory, wherever it is now."""
        return self.aside if self.away else self.live

    def renewal(self) -> str:
        """The text of its renewal configuration.

        Raises ``DanelawError``: ``CERTBOT_UNKNOWN`` where there is none, ``CERTBOT_PATH_TAKEN`` where there are two.
        """
        with self._troubles():
            aside, text = _text(self.conf_aside), _text(self.conf)
            self._require_spare(aside, text)
        found = aside if aside is not None else text
        if found is not None:
            return found.decode("utf-8", "replace")
        known = ", ".join(names(self.directory))
        raise DanelawError(
            "CERTBOT_UNKNOWN",
            f"certbot has no certificate called {self.name}",
            evidence=f"there are {known}" if known else f"there is no renewal/*.conf in {self.directory}",
            hint="certbot certificates lists them; --config-dir says where else to look",
        )

    def hooks(self) -> Sequence[Path]:
        """The programs in its folders, which it runs when it renews whichever certificate."""
        folders = (self.directory / "renewal-hooks" / when for when in ("pre", "deploy", "post"))
        with self._troubles():
            found = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
            return [path for path in found if path.is_file() and os.access(path, os.X_OK) and path.name[-1] != "~"]

    def require_whole(self, fullchain: str | None) -> None:
        """It is as certbot leaves it, so that certbot can have it again. ``fullchain``: where certbot says that it is.

        Raises ``DanelawError``: ``CERTBOT_BROKEN``, and ``CERTBOT_PATH_TAKEN`` where its directory is to lie aside.
        """
        with self._troubles():
            if self.taken is not None:
                raise self._broken(self.live, f"it is a symbolic link, to {self.taken}")
            if self.aside.exists() and not self.aside.is_symlink():
                raise self._foreign(self.aside)
            if fullchain is not None and realpath(fullchain) != realpath(self.live / FULLCHAIN):
                raise self._broken(self.live, f"its configuration says that certbot has it at {fullchain}")
            archives = set[Path]()
            for kind in KINDS:
                path = self.live / kind
                if not path.is_symlink():
                    raise self._broken(path, "it is no symbolic link" if path.exists() else "it is not there")
                if not path.is_file():
                    raise self._broken(path, f"it leads to {path.readlink()}, where there is no file")
                archives.add(Path(realpath(path)).parent)
                path.open("rb").close()
            if len(archives) > 1:
                raise self._broken(self.live, f"its links lead to {' and '.join(map(str, sorted(archives)))}")

    def read_by_others(self) -> str | None:
        """Who beside root may read the key, as servers do that do not start as root; None: nobody.

        Older certbots made keys that everybody might read, in directories that nobody else could enter.
        """
        with self._troubles():
            path = Path(realpath(self.original / PRIVKEY, strict=True))
            key, within = path.stat(), [folder.stat() for folder in path.parents[:3]]
        ours = key.st_uid == os.geteuid()
        shut = any(folder.st_uid == os.geteuid() and not folder.st_mode & 0o011 for folder in within)
        if ours and (shut or not key.st_mode & 0o077):
            return None
        return f"its mode is {key.st_mode & 0o777:04o}, its owner {key.st_uid}, its group {key.st_gid}"

    # -- taking over --------------------------------------------------------------------------------------------

    def lead(self, target: Path) -> None:
        """From here on live/NAME is a symbolic link to ``target``, which holds the same credential."""
        with self._troubles():
            if self.taken == target:
                return
            if self.taken is not None:
                raise self._foreign(self.live)
            if self.aside.is_symlink():
                self.aside.unlink()
            elif self.aside.exists():
                raise self._foreign(self.aside)
            self.aside.symlink_to(target)
            durable.sync_directory(self.live.parent)
            try:
                _exchange(self.aside, self.live)
            except OSError:
                self.aside.unlink()
                raise
            durable.sync_directory(self.live.parent)

    def suspend(self, since: str) -> None:
        """certbot renews it no more. The file is moved aside as it is, and a note lies beside it."""
        with self._troubles():
            if self.suspended:
                return
            note = _NOTE.format(name=self.name, since=since, aside=self.conf_aside.name)
            self._require_spare(_text(self.conf_aside), _text(self.conf))
            durable.write_file(self.note, note.encode(), durable.PUBLIC_FILE)
            if self.conf_aside.exists():
                self.conf.unlink()
            else:
                self.conf.rename(self.conf_aside)
            durable.sync_directory(self.conf.parent)

    # -- giving back --------------------------------------------------------------------------------------------

    def require_returnable(self) -> None:
        """certbot's own directory is where Danelaw put it, or back already. Raises ``CERTBOT_BROKEN``."""
        if self.taken is not None and not self.away:
            raise self._broken(self.aside, "certbot's own directory was put there, and is there no more", _RESTORE)

    def keep(self, files: Mapping[str, bytes]) -> bool:
        """certbot's own directory, which nobody reads now, leads to this credential: the next number in its archive.

        False: it did already. Nothing that is in the archive is touched.
        """
        with self._troubles():
            if self._holds(files):
                return False
            for kind in KINDS:
                if not (self.original / kind).is_symlink():
                    raise self._broken(self.original / kind, "it is no symbolic link any more", _RESTORE)
            _swept(*(self.original / kind for kind in KINDS))
            link = (self.original / CERT).readlink()
            archive = Path(realpath(self.original / link)).parent
            durable.make_directory(archive)
            there = [link.name, *(path.name for path in archive.iterdir())]
            number = max((int(n[1]) for name in there if (n := _NUMBERED.fullmatch(name))), default=0) + 1
            for kind in KINDS:
                mode = durable.PRIVATE_FILE if kind == PRIVKEY else durable.PUBLIC_FILE
                durable.create_file(archive / kind.replace(".pem", f"{number}.pem"), files[kind], mode)
            durable.sync_directory(archive)
            for kind in KINDS:
                durable.point_link(self.original / kind, link.with_name(kind.replace(".pem", f"{number}.pem")))
            return True

    def unlead(self) -> None:
        """live/NAME is certbot's directory again."""
        self.require_returnable()
        with self._troubles():
            if self.taken is not None:
                _exchange(self.aside, self.live)
                durable.sync_directory(self.live.parent)
            elif self.away and not self.live.exists():
                self.aside.rename(self.live)  # somebody deleted the link
                durable.sync_directory(self.live.parent)
            if self.aside.is_symlink():
                self.aside.unlink()
                durable.sync_directory(self.live.parent)

    def resume(self) -> None:
        """certbot renews it again."""
        with self._troubles():
            self.note.unlink(missing_ok=True)  # first: it would say what is not so
            _swept(self.note)
            aside = _text(self.conf_aside)
            self._require_spare(aside, _text(self.conf))
            if aside is not None:
                self.conf_aside.rename(self.conf)
            durable.sync_directory(self.conf.parent)

    # -- within -------------------------------------------------------------------------------------------------

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _unusable(self.directory, error) from error

    def _holds(self, files: Mapping[str, bytes]) -> bool:
        """Whether certbot's directory leads to this credential, however its files are written."""
        try:
            chain, key = ((self.original / kind).read_bytes() for kind in (FULLCHAIN, PRIVKEY))
            return x509.chain_from_pem(chain) == x509.chain_from_pem(files[FULLCHAIN]) and x509.spki_of_key(
                x509.key_from_pem(key)
            ) == x509.spki_of_key(x509.key_from_pem(files[PRIVKEY]))
        except (FileNotFoundError, ValueError):
            return False

    def _require_spare(self, aside: bytes | None, text: bytes | None) -> None:
        """What is there beside the configuration that was moved aside says nothing else.

        A certbot that is asked for a certificate of the same name writes an empty file, and gives up.
        """
        if aside is not None and text not in (None, b"", aside):
            raise self._foreign(self.conf)

    def _broken(self, path: Path, evidence: str, hint: str = _ENROLL) -> DanelawError:
        return DanelawError("CERTBOT_BROKEN", f"{path} is not as certbot leaves it", evidence=evidence, hint=hint)

    def _foreign(self, path: Path) -> DanelawError:
        evidence = f"it leads to {path.readlink()}" if path.is_symlink() else "it is there, and not as Danelaw left it"
        hint = f"see what it is, and move it away: ls -ld {path}"
        return DanelawError("CERTBOT_PATH_TAKEN", f"{path} is another's", evidence=evidence, hint=hint)


def names(directory: Path) -> tuple[str, ...]:
    """The certificates that certbot has, and those that Danelaw took over, by name."""
    renewal = directory / "renewal"
    found = [path.name.removesuffix(".danelaw") for path in renewal.glob("*.conf*") if path.is_file()]
    return tuple(sorted({name.removesuffix(".conf") for name in found if name.endswith(".conf")}))


def _text(path: Path) -> bytes | None:
    """None: there is no such file."""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST)
    except FileNotFoundError:
        return None


def _swept(*paths: Path) -> None:
    """What was to become one of these when somebody was killed is gone."""
    for path in paths:
        for unborn in path.parent.glob(f".{glob.escape(path.name)}.*.new"):
            unborn.unlink()


def _exchange(one: Path, other: Path) -> None:
    """Two names change places, at one instant (renameat2(2))."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        call = library.renameat2
    except AttributeError as error:
        raise OSError(errno.ENOSYS, "this system cannot let two names change places") from error
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def _unusable(directory: Path, error: OSError) -> DanelawError:
    return DanelawError(
        "CERTBOT_UNUSABLE",
        f"certbot's directory {directory} cannot be worked in",
        evidence=str(error),
        hint="run it as the user who runs certbot; on a file system that cannot do this, as some on a network, point "
        "the server at Danelaw's directory instead: docs/how-to/adopt-certbot.md",
    )
