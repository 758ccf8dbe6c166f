"""What the agent answers: how the node, its operations and its backups are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

type ProcessState = Literal["running", "starting", "stopping", "stopped", "failed"]
type Value = str | int | bool | tuple[str, ...]


@dataclass(frozen=True)
class Measure:
    """How much of what is through: bytes, bytes a second, and the seconds left where that is known."""

    what: Literal["files", "database"]
    target: str
    done: int
    total: int
    rate: float
    seconds_left: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far something is: `done` of `total` steps, and what is happening, as a sentence."""

    text: str
    done: int = 0
    total: int = 0
    measure: Measure | None = None


@dataclass(frozen=True)
class InstanceState:
    """One instance of a service, such as `web@1`; memory is the proportional set size of its processes."""

    name: str
    state: ProcessState
    pid: int | None = None
    since: datetime | None = None
    memory_mb: int | None = None
    problem: str = ""
    """What its health check found, or why it does not run; empty when it answers."""

    @property
    def is_healthy(self) -> bool:
        return self.state == "running" and not self.problem


@dataclass(frozen=True)
class ServiceState:
    """A service as an administrator sees it."""

    name: str
    title: str
    instances: tuple[InstanceState, ...]

    @property
    def is_healthy(self) -> bool:
        return all(instance.is_healthy for instance in self.instances)

    @property
    def state(self) -> ProcessState:
        """That of the instance which is worst off."""
        order: tuple[ProcessState, ...] = ("failed", "stopped", "stopping", "starting", "running")
        return min((instance.state for instance in self.instances), key=order.index, default="stopped")

    @property
    def problem(self) -> str:
        """What is wrong with its instances, each named where there are several."""
        return " ".join(
            f"{instance.name}: {instance.problem}" if len(self.instances) > 1 else instance.problem
            for instance in self.instances
            if instance.problem
        )


@dataclass(frozen=True)
class DiskState:
    """The file system that holds the box's data, in bytes."""

    free: int
    total: int


@dataclass(frozen=True)
class CertificateState:
    """What the portal's certificate says. `is_own`: issued by the box's own authority, renewed by the box."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    sha256: str
    is_own: bool


@dataclass(frozen=True)
class WorkersDecision:
    """The last one about the number of web workers here, which holds until the next."""

    at: datetime
    count: int
    before: int
    mean: float
    """What those that ran did, of one core each: 0 nothing, 1 all of it."""
    sentence: str
    """In English, with its figures."""


@dataclass(frozen=True)
class WorkersState:
    """How many web workers the load asks for here, and between which numbers it may."""

    count: int
    fewest: int
    most: int
    decision: WorkersDecision | None = None
    """None before the first."""


@dataclass(frozen=True)
class NodeStatus:
    """Everything about this machine at a glance."""

    node: str
    version: str
    at: datetime
    services: tuple[ServiceState, ...]
    disk: DiskState
    read_only: str = ""
    """Why the portal takes no writes at the moment; empty when it does."""
    workers: WorkersState | None = None
    """None where the number of web workers is fixed."""

    @property
    def is_healthy(self) -> bool:
        return not self.read_only and all(service.is_healthy for service in self.services)


@dataclass(frozen=True)
class LogPage:
    """Some lines of a log, oldest first, and the cursor to ask for older ones with (empty: none are)."""

    service: str
    lines: tuple[str, ...]
    older: str = ""


@dataclass(frozen=True)
class ConfigKey:
    """One key of box.toml, and what it means."""

    name: str
    value: Value
    default: Value
    help: str


@dataclass(frozen=True)
class ConfigView:
    """All keys of box.toml. Secrets are in another file and never here."""

    keys: tuple[ConfigKey, ...]


@dataclass(frozen=True)
class OperationState:
    """A long operation: running, or how it ended."""

    id: str
    kind: str
    asked_by: str
    state: Literal["running", "done", "failed"]
    began_at: datetime
    ended_at: datetime | None = None
    progress: Progress = Progress("")


@dataclass(frozen=True)
class RecordedLine:
    """Who asked for which change. `key` names the line and no other; `arguments` are JSON."""

    key: str
    at: datetime
    by: str
    operation: str
    arguments: str = ""


@dataclass(frozen=True)
class RecordPage:
    """Lines of the record in the order in which they were written, and the cursor for those after them."""

    lines: tuple[RecordedLine, ...]
    cursor: str


@dataclass(frozen=True)
class OperationList:
    """Long operations, the newest first."""

    operations: tuple[OperationState, ...]


@dataclass(frozen=True)
class UpgradePlan:
    """What an upgrade will do, as the examination of an archive has found."""

    examination: str
    """The id of the operation that has found it: what is begun is what was shown."""
    archive: str
    release: str
    released_at: datetime
    new_migrations: int
    has_backup: bool


@dataclass(frozen=True)
class OfferedRelease:
    """An archive that lies on the machine; `size` in bytes."""

    archive: str
    size: int
    is_signed: bool


@dataclass(frozen=True)
class UpgradeState:
    """What runs, what it could be upgraded to, and what was found of the archive looked at last."""

    release: str
    folder: str
    offered: tuple[OfferedRelease, ...] = ()
    plan: UpgradePlan | None = None


@dataclass(frozen=True)
class BackupSetState:
    """One set that can be restored; `problem` says what a verification found."""

    label: str
    target: str
    kind: Literal["full", "diff", "incr"]
    ended_at: datetime
    database_bytes: int
    stored_bytes: int
    files: int
    file_bytes: int
    verified_at: datetime | None = None
    problem: str = ""
    began_at: datetime | None = None
    version: str = ""
    files_more: int | None = None
    """Than the set before it has, on the same target; None where there is none."""
    file_bytes_more: int | None = None


type BackupTrouble = Literal[
    "late",
    "failing",
    "gap",
    "filling",
    "stale_lock",
    "jump",
    "drill",
    "unconfirmed",
    "behind",
    "log_behind",
    "damaged",
    "silent",
]


@dataclass(frozen=True)
class BackupWarning:
    """What is wrong with backups, as a kind that can be told in every language.

    `about` names what it is about (a set, a share of the disk), `details` are the words of an engine.
    Without a target it is about all of them.
    """

    kind: BackupTrouble
    target: str = ""
    about: str = ""
    details: str = ""

    @property
    def key(self) -> str:
        """The same for as long as it is the same trouble."""
        return f"{self.kind}:{self.target}"


@dataclass(frozen=True)
class TimeLineGap:
    """A stretch to no moment of which the box can be brought back; without an end it goes on."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class BackupTargetState:
    """Where sets go, up to when the box can be brought back from there, and what is wrong."""

    name: str
    place: str
    restorable_until: datetime | None
    problems: tuple[str, ...]
    kind: str = "folder"
    warnings: tuple[BackupWarning, ...] = ()
    gaps: tuple[TimeLineGap, ...] = ()
    free: int | None = None
    """Bytes, where the target says."""
    total: int | None = None
    locked_days: int = 0
    """For so long what is written there cannot be removed."""
    log_until: datetime | None = None
    """What was committed before is there: None without a set that log could follow."""
    files_until: datetime | None = None
    sets: int = 0


@dataclass(frozen=True)
class ClosedRepository:
    """What was made with an older key: it is read, and retention takes its sets, until none is left."""

    name: str
    """As sets say where they lie."""
    place: str
    at: datetime
    """When the newer key was made."""
    sets: int


@dataclass(frozen=True)
class KeyHolder:
    """Somebody with a recovery key; `groups` are those, counted from 1, that are typed back to confirm it."""

    name: str
    made_at: datetime
    is_confirmed: bool
    groups: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()
    """Those that prove something next, once: see `appliance.agent.proofs`."""


@dataclass(frozen=True)
class BackupTimes:
    """When backups are made, and how many stay."""

    at: str
    every_hours: int
    full_every_days: int
    keep_last: int
    keep_days: int
    keep_weeks: int
    keep_months: int


@dataclass(frozen=True)
class BackupPlan(BackupTimes):
    """The same, and when it is time for the next one."""

    next_at: datetime
    drill_every_days: int = 0
    """0: by hand only."""


type DrillPart = Literal["database", "rows", "files", "network", "portal", "sign-in"]


@dataclass(frozen=True)
class DrillCheck:
    """One thing that a drill looked at. `count` of them were looked at, `of` so many there are."""

    part: DrillPart
    count: int = 0
    of: int = 0
    problem: str = ""
    """What was wrong; empty: it was well."""


@dataclass(frozen=True)
class DrillReport:
    """How it went to bring a set back to life in a place of its own, without a network."""

    began_at: datetime
    ended_at: datetime
    target: str
    set: str
    checks: tuple[DrillCheck, ...] = ()
    is_sample: bool = False
    """There was room for a sample of the files only."""
    problem: str = ""
    """Why it came to no end, where it did not."""

    @property
    def is_good(self) -> bool:
        return not self.problem and not any(check.problem for check in self.checks)


@dataclass(frozen=True)
class BackupState:
    """How backups are, as the backup itself noted it at `at`; without a plan they are not set up."""

    at: datetime | None = None
    plan: BackupPlan | None = None
    targets: tuple[BackupTargetState, ...] = ()
    sets: tuple[BackupSetState, ...] = ()
    """The newest first; all of them, unless there is `more`."""
    holders: tuple[KeyHolder, ...] = ()
    drills: tuple[DrillReport, ...] = ()
    """The newest first."""
    closed: tuple[ClosedRepository, ...] = ()
    more: int = 0
    """So many sets are left out: of the older ones only some are here, with the oldest good one of each
    target. `ReadBackupSets` tells all."""

    @property
    def warnings(self) -> tuple[BackupWarning, ...]:
        """Of all targets; what is about all of them once."""
        return tuple(dict.fromkeys(one for target in self.targets for one in target.warnings))


@dataclass(frozen=True)
class HandedKey:
    """A recovery key, this once; empty where somebody holds one already."""

    holder: str
    key: str = field(default="", repr=False)
    target: str = ""
    """The target that was added with it."""


@dataclass(frozen=True)
class KeptMoment:
    """A set that there will be, and why it stays."""

    at: datetime
    reasons: tuple[Literal["last", "day", "week", "month", "newest", "chain", "no_other", "locked"], ...]


@dataclass(frozen=True)
class BackupCalendar:
    """What there will be in a year, the oldest first."""

    kept: tuple[KeptMoment, ...]
    made: int
    """How many are made in that year."""


@dataclass(frozen=True)
class BackupSetPage:
    """Some sets, the newest first, and the label to ask for older ones with (empty: none are)."""

    sets: tuple[BackupSetState, ...]
    older: str = ""


@dataclass(frozen=True)
class FoundThing:
    """One object as a set has it, and what became of it since. `number` names it within the search."""

    number: int
    title: str
    about: str
    at: datetime
    now: Literal["gone", "changed", "same"]


@dataclass(frozen=True)
class FoundThings:
    """What a search in a set has found, the newest first."""

    id: str
    target: str
    set: str
    kind: str
    things: tuple[FoundThing, ...]


type ClusterTrouble = Literal[
    "quorum", "database", "leader", "versions", "away", "service", "clock", "disk", "missing", "ill",
    "slow", "certificate", "rotation", "vote", "voteless",
]  # fmt: skip


@dataclass(frozen=True)
class ClusterProblem:
    """What is wrong between the nodes; `words` is a figure or what a program says, by the kind."""

    kind: ClusterTrouble
    node: str = ""
    words: str = ""

    @property
    def target(self) -> str:
        """The node, by the word that troubles of backups have for theirs."""
        return self.node

    @property
    def about(self) -> str:
        return self.words

    @property
    def key(self) -> str:
        """The same for as long as it is the same trouble: figures and words change all the time."""
        return f"cluster:{self.kind}:{self.node}"


@dataclass(frozen=True)
class ClusterNode:
    """One node, as the others know it at this moment."""

    name: str
    address: str
    site: str
    roles: tuple[str, ...]
    is_there: bool
    """Whether it has told of itself in the last seconds."""
    is_well: bool
    database_role: str = ""
    """`leader`, `quorum_standby`, `replica`; empty where it has none."""
    database_state: str = ""
    lag_bytes: int | None = None
    busy: float | None = None
    """What its processors do: 0 nothing, 1 all that they can."""
    version: str = ""
    is_drained: bool = False
    """Nobody is sent to it while another node can answer."""
    rest: str = "awake"
    """Of a reserve: `awake`, `waking`, `draining`, `asleep`. Any other node is always awake."""
    is_reserve: bool = False


type NodePlace = Literal["drained", "resumed", "awake", "asleep"]
"""What may be asked of a node: the first two of any, the others of a reserve."""


@dataclass(frozen=True)
class ClusterDecision:
    """One about the number of nodes, and what followed from it."""

    at: datetime
    sentence: str
    """In English, with its figures."""
    wake: tuple[str, ...] = ()
    drain: tuple[str, ...] = ()
    create: int = 0
    """Machines that a provider was to make."""
    mean: float | None = None
    """What the processors of the nodes at work did; None where it was about their number alone."""
    active: int = 0
    """Nodes at work."""


@dataclass(frozen=True)
class ClusterState:
    """All nodes; none of them on a single box."""

    at: datetime
    nodes: tuple[ClusterNode, ...] = ()
    leader: str = ""
    copies: int = 0
    """Nodes with the database."""
    votes: int = 0
    home: str = ""
    """The node that makes backups while it leads."""
    problems: tuple[ClusterProblem, ...] = ()
    decisions: tuple[ClusterDecision, ...] = ()
    """The latest first."""
    out_above: float | None = None
    in_below: float | None = None
    """What the mean has to pass before nodes are woken, or sleep; None while nobody decides."""

    @property
    def is_healthy(self) -> bool:
        return not self.problems
