"""The nouns that everybody shares."""

from danelaw.core.model.dns import Absence, Answer, RRset, same_content, serial_gt
from danelaw.core.model.errors import DanelawError
from danelaw.core.model.evidence import Evidence, Presentation, Probe
from danelaw.core.model.forwarder import Do53, DoH, DoT, Forwarder, read_forwarder
from danelaw.core.model.limits import Limits
from danelaw.core.model.message import Message, Question, Record, Silence
from danelaw.core.model.order import (
    Advance,
    Challenge,
    ChallengeType,
    Failed,
    Issued,
    NeedChallenge,
    OrderState,
    Pending,
)
from danelaw.core.model.proof import (
    JudgedDenial,
    JudgedDigest,
    JudgedKey,
    JudgedLink,
    JudgedRRset,
    JudgedSignature,
    JudgedZone,
    Outcome,
    Proof,
    Validated,
)
from danelaw.core.model.security import Reason, Security
from danelaw.core.model.service import (
    IP,
    Chain,
    CredentialFacts,
    Endpoint,
    GenerationId,
    Handshake,
    HandshakeFailure,
    Hello,
    HostName,
    Instant,
    KeyAlgorithm,
    Lineage,
    NotOffered,
    SubjectName,
    TLSVersion,
    Unreachable,
    Window,
)

__all__ = ["IP", "Absence", "Advance", "Answer", "Chain", "Challenge", "ChallengeType", "CredentialFacts", "DanelawError", "Do53", "DoH", "DoT", "Endpoint", "Evidence", "Failed", "Forwarder", "GenerationId", "Handshake", "HandshakeFailure", "Hello", "HostName", "Instant", "Issued", "JudgedDenial", "JudgedDigest", "JudgedKey", "JudgedLink", "JudgedRRset", "JudgedSignature", "JudgedZone", "KeyAlgorithm", "Limits", "Lineage", "Message", "NeedChallenge", "NotOffered", "OrderState", "Outcome", "Pending", "Presentation", "Probe", "Proof", "Question", "RRset", "Reason", "Record", "Security", "Silence", "SubjectName", "TLSVersion", "Unreachable", "Validated", "Window", "read_forwarder", "same_content", "serial_gt"]  # fmt: skip  # noqa: E501 - a list of names, sorted by the linter
