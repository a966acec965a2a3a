"""One step's conversation with a CA: its directory, our account there, requests that are signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import requests
from acme import messages
from josepy.interfaces import JSONDeSerializable

from danelaw.adapters.issue.account import AccountFiles
from danelaw.adapters.issue.registration import Binding, log_in
from danelaw.adapters.issue.transport import Transport
from danelaw.core.model import ChallengeType


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of a CA, and as whom; the fields are those of ``AcmeIssuer``."""

    directory: str
    contact: str | None
    challenge: ChallengeType
    profile: str | None
    back_off: timedelta
    preferred: str | None
    binding: Binding | None


class Session:
    """``resources``: gives the CA's directory, from memory or over ``net``. Raises what ``acme`` does."""

    def __init__(
        self, terms: Terms, files: AccountFiles, net: Transport, resources: Callable[[Transport], messages.Directory]
    ) -> None:
        self.terms = terms
        self.files = files
        self.net = net
        self.made_account = False
        self._resources = resources

    @cached_property
    def resources(self) -> messages.Directory:
        return self._resources(self.net)

    def log_in(self, *, tell: bool) -> None:
        """Sign as our account from here on. ``tell``: the CA of a new contact."""
        terms = self.terms
        self.made_account = self.files.known(terms.directory) is None
        log_in(self.net, self.resources, terms.directory, self.files, terms.contact, terms.binding, tell=tell)

    def post(self, url: str, body: JSONDeSerializable | None) -> requests.Response:
        """POST, or POST-as-GET where there is no body (RFC 8555 §6.3)."""
        return self.net.post(url, body, new_nonce_url=self.resources["newNonce"])
