"""The command line. Each subcommand is a module of its own and is imported when it is called; ``terminal`` prints."""

from __future__ import annotations

import sys
import warnings
from typing import Final

import click

from danelaw import __version__
from danelaw.core.model import DanelawError
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli.lazily import LazyGroup

COMMANDS: Final = {
    "lab": "the whole life cycle in a private world, watched by DANE clients with caches",
    "check": "whether DANE clients connect to live services, and why not, with a transcript",
    "chain": "the chain of trust of a name: as a tree, as JSON, as an SVG picture",
    "tlsa": "TLSA records from a certificate, key, request or live server; whether the DNS has them",
    "zone": "DNSSEC for zones kept in files: keys, signing, the DS at the parent",
    "enroll": "take a service into the configuration, and begin with it",
    "adopt": "take over certificates that another client got, without an outage; and give them back",
    "config": "what to write into a web, mail or chat server's configuration",
    "plan": "what comes next for each service, and what stands against it; nothing is done",
    "run": "bring every service on as far as it may be now, once or as a daemon",
    "status": "where each service stands, what is awaited, until when, and what is wrong",
    "history": "what was done, when, and on which evidence",
    "roll": "another key for a service now; in an emergency the old certificate is revoked",
    "withdraw": "a service is to be without DANE: its TLSA records go, safely",
    "pause": "leave a service or a zone as it is for a time, and look at it as ever",
    "resume": "go on with what is paused",
    "waive": "an address is not waited for, for a time",
    "accept": "clients may be refused, for what is named; what nobody may accept, and why",
    "records": "whose the TLSA records of a service are: adopt, disown or remove those of others",
    "simulate": "rollovers in virtual time against an adversary, by hand and by each strategy",
}
"""What there is, and what it does: one file per subcommand, or a package where it has subcommands itself.

The order is that of the help: what needs no configuration, services taken in and kept, what an operator decides.
"""


@click.group(cls=LazyGroup, package=__name__, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="danelaw")
def cli() -> None:
    """DNSSEC, a CA certificate and DANE for a TLS service, kept agreeing through every renewal."""
    # The subcommand has been imported by now, and begins to make what has to be taken down.
    interruption.heed()


def main() -> None:
    """Run the command line. Exit status: 0 good, 1 something is wrong, 2 usage or configuration, 3 undecided, 4 refused
    because unsafe, 130 interrupted."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # what libraries have to say to programmers, of odd certificates for one
    try:
        status = _run()
    except OSError as error:
        if not terminal.is_full(error):
            raise
        terminal.give_up(error)
        status = 1
    sys.exit(status)


def _run() -> int:
    try:
        status = cli.main(standalone_mode=False)  # click gives the status of an early exit as the result
    except (click.Abort, KeyboardInterrupt):
        terminal.say("interrupted")
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except DanelawError as error:
        terminal.error(error)
        return 3 if error.code in terminal.UNDECIDED else 2
    return status if isinstance(status, int) else 0
