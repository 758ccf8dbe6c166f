"""What can be asked of the agent and what it answers: this file is the whole allow-list.

On the wire a request is one JSON line (`Request`), answered by one or more (`Answer`), of which the last one
carries a result or a problem. Operations that take long only start here and answer with their state at once:
they are followed with `FollowOperation`, by the one who began them or by anybody else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from appliance.agent.answers import (
    BackupCalendar,
    BackupSetPage,
    BackupState,
    BackupTimes,
    CertificateState,
    ClusterState,
    ConfigView,
    FoundThings,
    HandedKey,
    LogPage,
    NodePlace,
    NodeStatus,
    OperationList,
    OperationState,
    Progress,
    RecordPage,
    UpgradeState,
    Value,
)
from appliance.agent.codec import LINES

type Acting = Literal["console", "root"]
type Scope = Literal["node", "cluster"]


@dataclass(frozen=True)
class Operation[R]:
    """Base of everything that can be asked; `R` is what the answer holds."""

    answer: ClassVar[type[Any]]
    changes: ClassVar[bool] = False
    """Whether it changes anything; such operations are recorded with who asked."""
    secret: ClassVar[frozenset[str]] = frozenset()
    """Arguments that are never recorded."""
    logged: ClassVar[bool] = True
    """Whether the log says that it was refused, or failed."""
    needs_proof: ClassVar[bool] = False
    """Whether the portal brings a proof that it has not itself: see `appliance.agent.proofs`."""

    @property
    def subject(self) -> str:
        """What exactly it is, as root reads it beside the code that is good for this and nothing else."""
        raise NotImplementedError


# Operations


@dataclass(frozen=True)
class ReadStatus(Operation[NodeStatus]):
    """Every service with its state, processes, memory and health."""

    answer: ClassVar = NodeStatus


@dataclass(frozen=True)
class ReadLog(Operation[LogPage]):
    """The last lines of a service's log, or those before a cursor."""

    answer: ClassVar = LogPage
    service: str
    lines: int = 200
    before: str = ""


@dataclass(frozen=True)
class ReadRecord(Operation[RecordPage]):
    """Who asked for which change, behind a cursor; without one from the beginning of what is kept."""

    answer: ClassVar = RecordPage
    cursor: str = ""
    lines: int = 500


@dataclass(frozen=True)
class ReadConfig(Operation[ConfigView]):
    """The configuration in force."""

    answer: ClassVar = ConfigView


@dataclass(frozen=True)
class ReadCertificate(Operation[CertificateState]):
    """The certificate that the portal shows."""

    answer: ClassVar = CertificateState


@dataclass(frozen=True)
class ReadOperation(Operation[OperationState]):
    """How far a long operation is."""

    answer: ClassVar = OperationState
    # What somebody asks for may be their own, and long gone: its name tells what it was.
    logged: ClassVar = False
    id: str
    reader: str = ""
    """Of what is somebody's own, they alone are told all: their login."""


@dataclass(frozen=True)
class FollowOperation(Operation[OperationState]):
    """The progress of a long operation as it happens, until its end."""

    answer: ClassVar = OperationState
    id: str


@dataclass(frozen=True)
class ListOperations(Operation[OperationList]):
    """The latest long operations."""

    answer: ClassVar = OperationList
    limit: int = 20


@dataclass(frozen=True)
class RestartService(Operation[OperationState]):
    """Restart a service; web workers one after another, each drained first, so that no request fails.

    Without a name it is all of them.
    """

    answer: ClassVar = OperationState
    changes: ClassVar = True
    service: str = ""


@dataclass(frozen=True)
class ReadCluster(Operation[ClusterState]):
    """The nodes, who leads, and what is wrong between them."""

    answer: ClassVar = ClusterState


@dataclass(frozen=True)
class SwitchOver(Operation[OperationState]):
    """Let another node lead the database: writes stand still for a few seconds, and none is lost."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    to: str


@dataclass(frozen=True)
class SetNode(Operation[OperationState]):
    """Send people to a node no more, or again; wake a reserve, or let it sleep."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    name: str
    to: NodePlace


@dataclass(frozen=True)
class ReadUpgrades(Operation[UpgradeState]):
    """Which release runs, and which archives lie there."""

    answer: ClassVar = UpgradeState


@dataclass(frozen=True)
class ExamineRelease(Operation[OperationState]):
    """Look at an archive: who has signed it, whether the box can move over to it, and what will change."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    archive: str


@dataclass(frozen=True)
class BeginUpgrade(Operation[OperationState]):
    """Move over to the release that an examination was of."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    examination: str


@dataclass(frozen=True)
class SetConfig(Operation[OperationState]):
    """Change keys of box.toml and apply them. The portal may change keys marked for the console only."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    values: dict[str, Value]


@dataclass(frozen=True)
class ApplyConfig(Operation[OperationState]):
    """Check box.toml, write the services' files, and restart or reload those whose files changed."""

    answer: ClassVar = OperationState
    changes: ClassVar = True


@dataclass(frozen=True)
class ReadBackups(Operation[BackupState]):
    """What can be restored, and whether backups are well."""

    answer: ClassVar = BackupState


@dataclass(frozen=True)
class BeginBackup(Operation[OperationState]):
    """Make a backup on every target now."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    is_full: bool = False


@dataclass(frozen=True)
class VerifyBackups(Operation[OperationState]):
    """Read the sets of a target, or one of them, and compare their checksums; of files a sample, or all."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    target: str
    set: str = ""
    is_complete: bool = False


@dataclass(frozen=True)
class ReadBackupSets(Operation[BackupSetPage]):
    """The history of backups, a page at a time, behind a cursor."""

    answer: ClassVar = BackupSetPage
    before: str = ""
    target: str = ""
    label: str = ""
    """This one alone."""
    limit: int = 20


@dataclass(frozen=True)
class PlanBackups(Operation[BackupCalendar]):
    """What a schedule and a rule would keep. Nothing is changed."""

    answer: ClassVar = BackupCalendar
    times: BackupTimes


@dataclass(frozen=True)
class SetBackupPlan(Operation[BackupState]):
    """When backups are made from now on, and how many stay."""

    answer: ClassVar = BackupState
    changes: ClassVar = True
    times: BackupTimes


@dataclass(frozen=True)
class AddBackupTarget(Operation[HandedKey]):
    """Try a target and have backups go there. With the first one backups are set up, and a key is handed out.

    What has to be restarted for it follows as a long operation.
    """

    answer: ClassVar = HandedKey
    changes: ClassVar = True
    needs_proof: ClassVar = True
    secret: ClassVar = frozenset({"secret_key"})
    kind: Literal["folder", "s3", "sftp"]
    path: str
    """The folder; of S3, the prefix within the bucket; of SFTP, the folder there."""
    endpoint: str = ""
    """Of S3 an address, of SFTP `USER@HOST[:PORT]`."""
    bucket: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    ca_pem: str = field(default="", metadata=LINES)
    host_key: str = ""
    """Of SFTP: the host's fingerprint. Without the right one it is refused with what is to be compared."""
    times: BackupTimes | None = None

    @property
    def subject(self) -> str:
        if self.kind == "folder":
            return f"send backups to the folder {self.path!r}"
        if self.kind == "sftp":
            host = f"has the fingerprint {self.host_key!r}" if self.host_key else "is not known yet"
            return (
                f"send backups to {self.endpoint!r}, into the folder {self.path!r}, by SFTP; the host {host}"
            )
        digest = hashlib.sha256(self.ca_pem.encode()).hexdigest()[:16]
        trusted = f", whose certificate comes from the authority {digest}" if self.ca_pem.strip() else ""
        return (
            f"send backups to the S3 store {self.endpoint!r}, bucket {self.bucket!r}, prefix {self.path!r}, "
            f"region {self.region!r}, with the access key {self.access_key!r}{trusted}"
        )


@dataclass(frozen=True)
class RemoveBackupTarget(Operation[BackupState]):
    """Have backups go there no more. What lies there stays."""

    answer: ClassVar = BackupState
    changes: ClassVar = True
    needs_proof: ClassVar = True
    name: str

    @property
    def subject(self) -> str:
        return f"send no backups to {self.name!r} any more"


@dataclass(frozen=True)
class AddKeyHolder(Operation[HandedKey]):
    """A recovery key for somebody more."""

    answer: ClassVar = HandedKey
    changes: ClassVar = True
    needs_proof: ClassVar = True
    name: str

    @property
    def subject(self) -> str:
        return f"hand out a recovery key to {self.name!r}"


@dataclass(frozen=True)
class RemoveKeyHolder(Operation[BackupState]):
    """Somebody's recovery key opens nothing any more."""

    answer: ClassVar = BackupState
    changes: ClassVar = True
    needs_proof: ClassVar = True
    name: str

    @property
    def subject(self) -> str:
        return f"let the recovery key of {self.name!r} open nothing any more"


@dataclass(frozen=True)
class RotateKeys(Operation[HandedKey]):
    """A new key for all backups from now on, and a recovery key for somebody in the place of all others."""

    answer: ClassVar = HandedKey
    changes: ClassVar = True
    needs_proof: ClassVar = True
    name: str

    @property
    def subject(self) -> str:
        return f"make a new key for everything, and hand it out to {self.name!r}"


@dataclass(frozen=True)
class ConfirmRecoveryKey(Operation[BackupState]):
    """Somebody typed groups of their key back: it was printed, or written down."""

    answer: ClassVar = BackupState
    changes: ClassVar = True
    secret: ClassVar = frozenset({"groups"})
    holder: str
    groups: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class CancelOperation(Operation[OperationState]):
    """End a long operation that can be ended at any moment without harm."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    id: str


@dataclass(frozen=True)
class BeginDrill(Operation[OperationState]):
    """Bring the newest set of a target back to life in a place of its own, look at it, and take it away.

    The report is in `BackupState.drills`.
    """

    answer: ClassVar = OperationState
    changes: ClassVar = True
    target: str = ""
    """Empty: the first one."""


@dataclass(frozen=True)
class BeginRestore(Operation[OperationState]):
    """Bring the whole box back: to a moment, to the end of the time line, or (a set without one) to a set.

    The portal is away for the last part of it, and everybody has to sign in again.
    """

    answer: ClassVar = OperationState
    changes: ClassVar = True
    needs_proof: ClassVar = True
    target: str
    set: str = ""
    moment: datetime | None = None
    with_safety: bool = True
    """A backup is made first."""

    @property
    def subject(self) -> str:
        to = f"{self.moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.moment else ""
        to = to or ("how that set has it" if self.set else "the end of its time line")
        begun = f", set {self.set!r}" if self.set else ""
        safely = "after a backup" if self.with_safety else "without a backup"
        return f"bring the whole box back from {self.target!r}{begun} to {to}, {safely} of how it is now"


@dataclass(frozen=True)
class FindInBackup(Operation[OperationState]):
    """Look for one thing in a set, for somebody: what is private is found by its owner alone.

    `kind` is one of the portal's keepsakes. What was found is read with `ReadFound` and the operation's id.
    """

    answer: ClassVar = OperationState
    changes: ClassVar = True
    kind: str
    text: str
    reader: str
    """Their login."""
    target: str = ""
    """Empty: the first one."""
    set: str = ""
    """Empty: the newest good one."""


@dataclass(frozen=True)
class FindOwn(FindInBackup):
    """Look for what is somebody's own, because they have asked for it: what, is nobody else's business.

    So it is not recorded what was looked for, and others hear of it that it runs, and that it is over.
    """

    secret: ClassVar = frozenset({"kind", "text"})
    key: str = ""
    """Asked again with the same key it is the search that was begun already."""


@dataclass(frozen=True)
class ReadFound(Operation[FoundThings]):
    """What a search has found, for whoever has searched, for a day."""

    answer: ClassVar = FoundThings
    id: str
    reader: str


@dataclass(frozen=True)
class PutBack(Operation[OperationState]):
    """Put one thing back that a search has found. Its end tells the address where it is."""

    answer: ClassVar = OperationState
    changes: ClassVar = True
    id: str
    number: int
    reader: str


@dataclass(frozen=True)
class PutOwnBack(PutBack):
    """Put one thing back that somebody had looked for as their own. Nobody else hears that they did: it is
    not recorded, stands in no list, and keeps nothing else waiting."""

    changes: ClassVar = False
    logged: ClassVar = False


OPERATIONS: dict[str, type[Operation[Any]]] = {
    kind.__name__: kind
    for kind in (
        ReadStatus,
        ReadLog,
        ReadRecord,
        ReadConfig,
        ReadCertificate,
        ReadOperation,
        FollowOperation,
        ListOperations,
        RestartService,
        ReadCluster,
        SwitchOver,
        SetNode,
        ReadUpgrades,
        ExamineRelease,
        BeginUpgrade,
        SetConfig,
        ApplyConfig,
        ReadBackups,
        BeginBackup,
        VerifyBackups,
        ReadBackupSets,
        PlanBackups,
        SetBackupPlan,
        AddBackupTarget,
        RemoveBackupTarget,
        AddKeyHolder,
        RotateKeys,
        RemoveKeyHolder,
        ConfirmRecoveryKey,
        CancelOperation,
        BeginDrill,
        BeginRestore,
        FindInBackup,
        FindOwn,
        ReadFound,
        PutBack,
        PutOwnBack,
    )
}


# On the wire


@dataclass(frozen=True)
class Request:
    """The envelope: what, where, and on whose behalf.

    `by` is who the portal acts for, or the person behind sudo. `acting` is the standing that is claimed; only
    root's own programs may claim root's, which the peer's credentials prove.
    """

    operation: str
    arguments: dict[str, Any] = field(default_factory=dict, metadata=LINES)
    """Each is looked at once more as what it is an argument of."""
    scope: Scope = "node"
    node: str = ""
    acting: Acting = "console"
    by: str = ""
    proof: str = field(default="", repr=False)


@dataclass(frozen=True)
class Problem:
    """Why there is no result. `refused`: not allowed or not possible as asked; `failed`: tried, in vain;
    `unproven`: without a proof, or with a wrong one; `shut`: no proof is looked at for a while."""

    kind: Literal["refused", "failed", "unproven", "shut"]
    message: str


@dataclass(frozen=True)
class Answer:
    """One line: exactly one of the three is there."""

    progress: Progress | None = None
    result: dict[str, Any] | None = None
    problem: Problem | None = None
