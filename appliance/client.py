"""The portal's only way to the machine: a typed client of the agent. Uses nothing but the standard library.

state = Agent(socket).ask(RestartService("web"), by="olga@example.com")
state = Agent(socket).ask(ReadOperation(state.id))
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.agent.answers import (
    BackupCalendar,
    BackupPlan,
    BackupSetPage,
    BackupSetState,
    BackupState,
    BackupTargetState,
    BackupTimes,
    BackupWarning,
    CertificateState,
    ClosedRepository,
    ClusterDecision,
    ClusterNode,
    ClusterProblem,
    ClusterState,
    ConfigKey,
    ConfigView,
    DiskState,
    DrillCheck,
    DrillPart,
    DrillReport,
    FoundThing,
    FoundThings,
    HandedKey,
    InstanceState,
    KeptMoment,
    KeyHolder,
    LogPage,
    Measure,
    NodePlace,
    NodeStatus,
    OfferedRelease,
    OperationList,
    OperationState,
    Progress,
    RecordedLine,
    ServiceState,
    TimeLineGap,
    UpgradePlan,
    UpgradeState,
    WorkersDecision,
    WorkersState,
)
from appliance.agent.codec import Malformed, decode, encode
from appliance.agent.protocol import (
    Acting,
    AddBackupTarget,
    AddKeyHolder,
    Answer,
    ApplyConfig,
    BeginBackup,
    BeginDrill,
    BeginRestore,
    BeginUpgrade,
    CancelOperation,
    ConfirmRecoveryKey,
    ExamineRelease,
    FindInBackup,
    FindOwn,
    FollowOperation,
    ListOperations,
    Operation,
    PlanBackups,
    PutBack,
    PutOwnBack,
    ReadBackups,
    ReadBackupSets,
    ReadCertificate,
    ReadCluster,
    ReadConfig,
    ReadFound,
    ReadLog,
    ReadOperation,
    ReadRecord,
    ReadStatus,
    ReadUpgrades,
    RemoveBackupTarget,
    RemoveKeyHolder,
    Request,
    RestartService,
    RotateKeys,
    Scope,
    SetBackupPlan,
    SetConfig,
    SetNode,
    SwitchOver,
    VerifyBackups,
)

__all__ = [
    "AddBackupTarget",
    "AddKeyHolder",
    "Agent",
    "AgentAway",
    "AgentError",
    "AgentLost",
    "ApplyConfig",
    "BackupCalendar",
    "BackupPlan",
    "BackupSetPage",
    "BackupSetState",
    "BackupState",
    "BackupTargetState",
    "BackupTimes",
    "BackupWarning",
    "BeginBackup",
    "BeginDrill",
    "BeginRestore",
    "BeginUpgrade",
    "CancelOperation",
    "CertificateState",
    "ClosedRepository",
    "ClusterDecision",
    "ClusterNode",
    "ClusterProblem",
    "ClusterState",
    "ConfigKey",
    "ConfigView",
    "ConfirmRecoveryKey",
    "DiskState",
    "DrillCheck",
    "DrillPart",
    "DrillReport",
    "ExamineRelease",
    "Failed",
    "FindInBackup",
    "FindOwn",
    "FollowOperation",
    "FoundThing",
    "FoundThings",
    "HandedKey",
    "InstanceState",
    "KeptMoment",
    "KeyHolder",
    "ListOperations",
    "LogPage",
    "Measure",
    "NodePlace",
    "NodeStatus",
    "OfferedRelease",
    "Operation",
    "OperationList",
    "OperationState",
    "PlanBackups",
    "Progress",
    "ProofsShut",
    "PutBack",
    "PutOwnBack",
    "ReadBackupSets",
    "ReadBackups",
    "ReadCertificate",
    "ReadCluster",
    "ReadConfig",
    "ReadFound",
    "ReadLog",
    "ReadOperation",
    "ReadRecord",
    "ReadStatus",
    "ReadUpgrades",
    "RecordedLine",
    "Refused",
    "RemoveBackupTarget",
    "RemoveKeyHolder",
    "RestartService",
    "RotateKeys",
    "ServiceState",
    "SetBackupPlan",
    "SetConfig",
    "SetNode",
    "SwitchOver",
    "TimeLineGap",
    "Unproven",
    "UpgradePlan",
    "UpgradeState",
    "VerifyBackups",
    "WorkersDecision",
    "WorkersState",
]


class AgentError(Exception):
    """No result came; the text is fit to be shown to an administrator."""


class AgentAway(AgentError):
    """Nobody listens at the agent's socket: nothing was done."""


class AgentLost(AgentError):
    """It broke off, or kept silent for too long: whether it was done is not known."""


class Refused(AgentError):
    """The agent would not: not allowed, unknown, or wrongly asked."""


class Unproven(Refused):
    """It needs a proof that the portal has not itself: words from paper, or a code from the machine."""


class ProofsShut(Unproven):
    """Too many wrong proofs were given: none is looked at for a while."""


class Failed(AgentError):
    """The agent tried and could not."""


_PROBLEMS = {"refused": Refused, "failed": Failed, "unproven": Unproven, "shut": ProofsShut}


class Agent:
    """The agent of this machine, at its Unix socket."""

    def __init__(self, socket_path: Path | str, *, acting: Acting = "console", timeout: float = 60.0) -> None:
        """`timeout` is the longest silence in seconds between two lines of an answer."""
        self._path = str(socket_path)
        self._acting = acting
        self._timeout = timeout

    def ask[R](
        self,
        operation: Operation[R],
        *,
        by: str = "",
        scope: Scope = "node",
        node: str = "",
        proof: str = "",
        progress: Callable[[Progress], None] | None = None,
    ) -> R:
        """Ask on behalf of `by` and wait for the answer; `progress` hears what comes before it.

        `proof` is what somebody has typed, where the operation needs one: see `Operation.needs_proof`.
        """
        name = type(operation).__name__
        request = Request(
            name, encode(operation), scope=scope, node=node, acting=self._acting, by=by, proof=proof
        )
        try:
            return self._converse(operation, request, progress)
        except (OSError, EOFError) as error:
            raise AgentLost(
                f"The agent broke off in the middle ({error}): `boxctl status` shows what was done, and "
                f"`boxctl logs agent` why it ended."
            ) from error
        except (Malformed, ValueError) as error:
            raise Failed(
                f"The agent's answer is not understood ({error}). It may be of another version: "
                f"restart it with `boxctl restart agent`."
            ) from error

    def _converse[R](
        self, operation: Operation[R], request: Request, progress: Callable[[Progress], None] | None
    ) -> R:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._timeout)
            try:
                connection.connect(self._path)
            except OSError as error:
                raise AgentAway(
                    f"The agent does not answer at {self._path} ({error.strerror}): start it with "
                    f"`boxctl start agent`; `boxctl logs agent` says why it ended."
                ) from error
            # Whoever finds no place there has been told so, and is hung up on while they still ask.
            with suppress(BrokenPipeError):
                connection.sendall(json.dumps(encode(request)).encode() + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    answer = decode(Answer, json.loads(line), place="the answer")
                    if answer.problem:
                        raise _PROBLEMS[answer.problem.kind](answer.problem.message)
                    if answer.result is not None:
                        result: R = decode(operation.answer, answer.result, place="the result")
                        return result
                    if answer.progress and progress:
                        progress(answer.progress)
        raise EOFError("its answer has no end")
