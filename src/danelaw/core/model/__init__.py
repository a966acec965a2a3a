"""The nouns that everybody shares."""

from typing import TYPE_CHECKING

from danelaw.deferred import names_of

if TYPE_CHECKING:
    from danelaw.core.model.application import APPLICATIONS, Application, Lookup, at_port
    from danelaw.core.model.dns import Absence, Answer, RRset, same_content, serial_gt
    from danelaw.core.model.errors import DanelawError
    from danelaw.core.model.evidence import Candidate, Evidence, Presentation, Probe, TargetEvidence
    from danelaw.core.model.forwarder import Do53, DoH, DoT, Forwarder, read_forwarder
    from danelaw.core.model.limits import Limits
    from danelaw.core.model.message import Message, Question, Record, Silence
    from danelaw.core.model.names import domain_name
    from danelaw.core.model.order import (
        Advance,
        Challenge,
        ChallengeType,
        Failed,
        Issued,
        NeedChallenge,
        OrderState,
        Pending,
        RevocationReason,
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
    from danelaw.core.model.servers import Named, named
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
    from danelaw.core.model.sweep import Asked, Said, Sweep
    from danelaw.core.model.target import Target, read_target, starttls_names
else:
    __getattr__ = names_of(
        __name__,
        {
            "application": "APPLICATIONS Application Lookup at_port",
            "dns": "Absence Answer RRset same_content serial_gt",
            "errors": "DanelawError",
            "evidence": "Candidate Evidence Presentation Probe TargetEvidence",
            "forwarder": "Do53 DoH DoT Forwarder read_forwarder",
            "limits": "Limits",
            "message": "Message Question Record Silence",
            "names": "domain_name",
            "order": "Advance Challenge ChallengeType Failed Issued NeedChallenge OrderState Pending RevocationReason",
            "proof": "JudgedDenial JudgedDigest JudgedKey JudgedLink JudgedRRset JudgedSignature JudgedZone Outcome "
            "Proof Validated",
            "security": "Reason Security",
            "servers": "Named named",
            "service": "IP Chain CredentialFacts Endpoint GenerationId Handshake HandshakeFailure Hello HostName "
            "Instant KeyAlgorithm Lineage NotOffered SubjectName TLSVersion Unreachable Window",
            "sweep": "Asked Said Sweep",
            "target": "Target read_target starttls_names",
        },
    )

__all__ = ["APPLICATIONS", "IP", "Absence", "Advance", "Answer", "Application", "Asked", "Candidate", "Chain", "Challenge", "ChallengeType", "CredentialFacts", "DanelawError", "Do53", "DoH", "DoT", "Endpoint", "Evidence", "Failed", "Forwarder", "GenerationId", "Handshake", "HandshakeFailure", "Hello", "HostName", "Instant", "Issued", "JudgedDenial", "JudgedDigest", "JudgedKey", "JudgedLink", "JudgedRRset", "JudgedSignature", "JudgedZone", "KeyAlgorithm", "Limits", "Lineage", "Lookup", "Message", "Named", "NeedChallenge", "NotOffered", "OrderState", "Outcome", "Pending", "Presentation", "Probe", "Proof", "Question", "RRset", "Reason", "Record", "RevocationReason", "Said", "Security", "Silence", "SubjectName", "Sweep", "TLSVersion", "Target", "TargetEvidence", "Unreachable", "Validated", "Window", "at_port", "domain_name", "named", "read_forwarder", "read_target", "same_content", "serial_gt", "starttls_names"]  # fmt: skip  # noqa: E501 - a list of names, sorted by the linter
