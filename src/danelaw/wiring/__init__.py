"""The plug board: the only package that imports adapters, and hands them to the app as ports."""

from typing import TYPE_CHECKING

from danelaw.deferred import names_of

if TYPE_CHECKING:
    from danelaw.wiring.adopting import (
        as_owner_of,
        certbot_account,
        certbot_credential,
        certbot_files,
        certbot_locked,
        certbot_names,
        live_paths,
        own_credentials,
        runs_as,
        take_account,
    )
    from danelaw.wiring.looking import authorities, client_roots, eyes, onlookers, subjects_of, trust_anchors
    from danelaw.wiring.notifying import host_name, metrics_server, outlets
    from danelaw.wiring.stores import lasting_store, memory_store, only_runner, zone_store
    from danelaw.wiring.surroundings import blocking, clock, commands, dialer, open_world, programs
    from danelaw.wiring.tools import Wired, build, zone_runner
    from danelaw.wiring.zone_files import key_files, zone_desk, zone_records
else:
    __getattr__ = names_of(
        __name__,
        {
            "adopting": "as_owner_of certbot_account certbot_credential certbot_files certbot_locked certbot_names "
            "live_paths own_credentials runs_as take_account",
            "looking": "authorities client_roots eyes onlookers subjects_of trust_anchors",
            "notifying": "host_name metrics_server outlets",
            "stores": "lasting_store memory_store only_runner zone_store",
            "surroundings": "blocking clock commands dialer open_world programs",
            "tools": "Wired build zone_runner",
            "zone_files": "key_files zone_desk zone_records",
        },
    )

__all__ = [
    "Wired",
    "as_owner_of",
    "authorities",
    "blocking",
    "build",
    "certbot_account",
    "certbot_credential",
    "certbot_files",
    "certbot_locked",
    "certbot_names",
    "client_roots",
    "clock",
    "commands",
    "dialer",
    "eyes",
    "host_name",
    "key_files",
    "lasting_store",
    "live_paths",
    "memory_store",
    "metrics_server",
    "onlookers",
    "only_runner",
    "open_world",
    "outlets",
    "own_credentials",
    "programs",
    "runs_as",
    "subjects_of",
    "take_account",
    "trust_anchors",
    "zone_desk",
    "zone_records",
    "zone_runner",
    "zone_store",
]
