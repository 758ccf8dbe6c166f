"""Brings the whole box back as it was. What fails before the end leaves the box as it was before.

The new cluster is prepared beside the old one and swapped with it by renaming; the old one stays until the
new one has recovered, has all its files, and answers. Each step is noted before it is taken: killed anywhere,
it is taken up where it stopped. Once people may come in nothing is taken back.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance import as_owner, quarantine, users
from appliance.agent.answers import TimeLineGap
from appliance.agent.journal import Journal
from appliance.agent.operations import ATTEMPTS, performing
from appliance.cluster import topology
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import CommandFailed
from appliance.services import enabled, portal
from appliance.services.database import setup
from appliance.services.database.names import cluster
from appliance.supervise import Supervisor, SupervisorError, supervisor_for
from backup import blobs, log_gaps, moments, pgbackrest, recall, rotation, sets, settings, state_file
from backup.ledger import ledger_of
from backup.operations import back_up
from backup.operations.back_up import TROUBLE
from backup.portal import admit_nobody_unasked, manage
from backup.progress import Meter, duration, told_of_silence
from backup.rclone import Moved, Vault
from backup.sets import BackupSet
from backup.settings import BackupRefused, Settings, Target
from backup.timeline import Timeline

log = logging.getLogger(__name__)

_STAND_STILL = ("web", "push", "jobs", "telephony", "cache", "backup", "database")
"""Those that know the database. The balancer stays, and shows that the box is being looked after."""
_RESTARTS = 3


@dataclass(frozen=True)
class Plan:
    """What the box will be brought back to."""

    begin_with: BackupSet
    moment: datetime | None
    """None: the set itself, or the end of the time line."""
    timeline: Timeline | None
    """Along which the database recovers; None: the set itself."""
    now: datetime

    def __str__(self) -> str:
        if self.moment is None and self.timeline:
            return (
                f"The box is brought back to the end of its time line, beginning with {self.begin_with}. "
                f"What people did after the log was last archived is lost. All sessions end."
            )
        to = self.moment or self.begin_with.ended_at
        return (
            f"The box is brought back to {moments.shown(to)}, beginning with {self.begin_with}. "
            f"What people did in the {duration((self.now - to).total_seconds())} since then is lost. "
            f"All sessions end."
        )


def planned(
    node: Node, chosen: Settings, target: Target, *, label: str, moment: datetime | None, is_set_alone: bool
) -> tuple[Target, Plan]:
    """What this machine's memory of the target and the target's log make of what is wanted, and from where it
    comes: what was before a new key is in the older one's repository, at the same place."""
    refused: BackupRefused | None = None
    for one in (target, *chosen.before(target, moment)):
        try:
            return one, decide(
                sets.known(node, one),
                label=label,
                moment=moment,
                version=portal.version(node),
                now=datetime.now(UTC),
                timeline=None if is_set_alone else sets.lived(node, one, moment),
                gaps=log_gaps.gaps_of(node, one),
            )
        except BackupRefused as error:
            refused = refused or error
    assert refused is not None  # noqa: S101 - the first one was
    raise refused


def decide(
    known: Sequence[BackupSet],
    *,
    label: str,
    moment: datetime | None,
    version: str,
    now: datetime,
    timeline: Timeline | None,
    gaps: Sequence[TimeLineGap] = (),
) -> Plan:
    """The set to begin with: the one named, else the newest good one that ended before the moment and lies on
    the time line that was lived then. Without a time line the set itself is what is wanted.

    Refused where the log from that set to the moment has a hole: recovery would end there in silence.
    """
    if label and label not in {one.label for one in known}:
        raise BackupRefused(f"There is no set {label}. `boxctl backup list` names those there are.")
    good = [one for one in known if not one.problem and label in ("", one.label)]
    if not good:
        raise BackupRefused("There is no good set to begin with: `boxctl backup verify` tells what is wrong.")
    if moment and moment > now:
        raise BackupRefused(f"{moments.shown(moment)} is yet to come.")
    fitting = [one for one in good if moment is None or one.is_from_before(moment)]
    if not fitting:
        first = min(one.ended_at for one in good)
        raise BackupRefused(f"The time line begins at {moments.shown(first)}: choose a later moment.")
    if timeline:
        fitting = [one for one in fitting if timeline.holds(one.log_end)]
        if not fitting:
            raise BackupRefused(_undone(label))
    chosen = max(fitting, key=lambda one: one.ended_at)
    if _numbers(chosen.version) > _numbers(version):
        raise BackupRefused(
            f"The set is from version {chosen.version}, and this box is {version}: upgrade the box first."
        )
    for gap in gaps:
        if moment and chosen.ended_at <= gap.since < moment:
            until = f"until {moments.shown(gap.until)}" if gap.until else "and has no end yet"
            raise BackupRefused(
                f"The time line has a gap, which begins after {moments.shown(gap.since)} {until}: choose a "
                f"moment outside, or the last set before it with `--set`."
            )
    return Plan(chosen, moment, timeline, now)


def _undone(label: str) -> str:
    if label:
        return (
            f"What the set {label} holds was undone by a restore before that moment. Leave it out, and a "
            f"fitting set is chosen; or bring back the set itself, without a moment."
        )
    return (
        "No good set is left of what the box lived then: all there are were undone by a restore before that. "
        "Choose another moment, or one of the sets with `--set`."
    )


def main() -> None:
    with performing(*TROUBLE, SupervisorError, topology.TopologyRefused) as journal:
        node = Node.load(Paths.from_environment())
        topology.refuse_in_cluster(node.paths, "A restore of the whole box")
        moments.use_zone_of(node)
        restore = Restore(node, journal)
        try:
            with told_of_silence(journal, str(journal.arguments["target"])):
                done = restore.perform()
            state_file.write(node)
        # Of whatever kind it is: the portal stands still, and must not stay so.
        except Exception as error:
            raise BackupRefused(restore.give_up(error)) from error
        journal.end("done", done)


class Restore:
    """One restore, as far as its journal says it is."""

    chosen: Settings
    target: Target
    vault: Vault

    def __init__(self, node: Node, journal: Journal) -> None:
        self.node, self.journal = node, journal
        self.owner = users.account(users.DATABASE)
        self.place = cluster(node)
        self.beside = self.place.with_name(f"{self.place.name}.restored")
        self.before = self.place.with_name(f"{self.place.name}.before")

    @property
    def supervisor(self) -> Supervisor:
        return supervisor_for(self.node)

    def perform(self) -> str:
        if not self.journal.noted("opened"):
            if given_up := self.journal.noted("taking back"):
                raise BackupRefused(str(given_up["why"]))
            if self.journal.attempts >= ATTEMPTS:
                # Nobody would take it up again, and the portal would stand still.
                raise BackupRefused(f"It was interrupted {self.journal.attempts - 1} times.")
            self.bring_back()
        return self.open()

    def bring_back(self) -> None:
        """Up to where nothing is missing but the people."""
        plan = self.begin()
        if not self.journal.noted("swapping"):
            if self.journal.arguments.get("with_safety", True) and not self.journal.noted("safety"):
                asked = self.chosen.target(str(self.journal.arguments["target"]))
                to = self.chosen.targets[0] if asked.closed else asked
                made = back_up.to_target(self.node, self.chosen, to, "incr", self.journal, is_extra=True)
                self.journal.append("safety", made=made)
            self.prepare(plan)
        self.swap()
        self.recover()
        begun, undone = self.put_into_service(plan)
        self.ask_for_full_backups()
        at = moments.shown(reached(self.node) or plan.begin_with.ended_at)
        words = f"The box is as it was at {at}. Nobody is signed in any more."
        words += f" {len(begun.missing)} files are missing: nobody has them." if begun.missing else ""
        if begun.to_come:
            words += (
                f" {begun.to_come.left} older files follow: `boxctl backup status` says how far they are."
            )
        self.journal.append("opened", words=words, undone=undone)

    def begin(self) -> Plan:
        """Find out to what the box is brought back, and from where."""
        said = self.journal.arguments
        if not self.journal.noted("swapping") and quarantine.is_on(self.node.paths) and self.before.exists():
            # Of a restore that was interrupted until it was given up: nobody has lived in what is there now.
            self.put_back()
            quarantine.end(self.node.paths)
            self.supervisor.start("database")
        self.chosen = settings.load(self.node.paths)
        sets.sweep_staging(self.node)
        asked = self.chosen.target(str(said["target"]))
        sets.refresh(self.node, Vault(self.node, self.chosen, asked))
        moment = datetime.fromisoformat(said["moment"]) if said.get("moment") else None
        self.target, plan = planned(
            self.node, self.chosen, asked, label=str(said.get("set", "")), moment=moment,
            is_set_alone=moment is None and said.get("is_set_alone", False),
        )  # fmt: skip
        self.vault = Vault(self.node, self.chosen, self.target)
        self.journal.progress(str(plan))
        return plan

    def open(self) -> str:
        """Let people in, and tidy up. What is lived from here on nobody takes back."""
        opened = self.journal.noted("opened")
        assert opened is not None  # noqa: S101 - `bring_back` ends with it
        quarantine.end(self.node.paths)
        self.supervisor.start(*self.running(), progress=self.journal.progress)
        self.archive_log()
        undone = [*opened["undone"], *self.remove(self.before)]
        return str(opened["words"]) + "".join(f" Not done: {line}." for line in undone)

    def prepare(self, plan: Plan) -> None:
        """Put the files of the set beside the running cluster."""
        # While nothing is lost by it: of what lies there half a restore could be taken back to nothing.
        as_owner.remove(self.before, self.owner)
        as_owner.make_folder(self.beside, self.owner)
        needed = plan.begin_with.database_bytes
        if not pgbackrest.has_room(self.beside, needed):
            raise BackupRefused(
                f"There is no room for a second database of {needed >> 20} MiB beside the first: free some."
            )
        meter = Meter("Database", self.journal.progress, total=needed, kind="database")
        pgbackrest.restore(
            self.node, self.target, plan.begin_with.label, self.beside,
            moment=plan.moment, timeline=plan.timeline,
            heard=lambda _, share: meter.at(int(meter.total * share)),
        )  # fmt: skip

    def swap(self) -> None:
        """Put the new cluster in the place of the old one. Killed in between, it goes on from there."""
        if self.journal.noted("swapped"):
            # Whoever has started the machine since has started some of them too.
            self.supervisor.stop(*(name for name in self._standing_still() if name != "database"))
            return
        self.journal.progress("Stopping what uses the database.")
        there_was_one = self.place.exists() or self.before.exists()
        self.journal.append("swapping", running=self.running(), there_was_one=there_was_one)
        quarantine.begin(self.node.paths)
        if self.target.closed:
            rotation.write_again(self.node, self.target)
        self.supervisor.stop(*self._standing_still())
        pgbackrest.forget_handed_over(self.node)
        if self.place.exists() and self.beside.exists():
            as_owner.rename(self.place, self.before, self.owner)
        if self.beside.exists():
            as_owner.rename(self.beside, self.place, self.owner)
        self.journal.append("swapped")

    def recover(self) -> None:
        """Start the server, and wait until it has applied the log up to the moment and takes writes."""
        self.journal.progress("The database is applying its log.")
        wait_until_recovered(self.node, self.supervisor)

    def put_into_service(self, plan: Plan) -> tuple[recall.Begun, list[str]]:
        """Make the recovered database this box's: roles, tables of this version, its newest files, nobody
        inside. With what of that could not be done, each in words."""
        node, tell = self.node, self.journal.progress
        setup.set_up(node)
        blobs.admit(node)
        if "objects" in {service.name for service in enabled(node)}:
            self.supervisor.start("objects")
        if manage(node, "migrate", "--check", check=False).code != 0:
            tell("Bringing the tables to this version.")
            manage(node, "migrate", "--noinput", as_owner=True)
        tell("Bringing back files.")
        meter = Meter("Files", tell)

        def heard(moved: Moved) -> None:
            meter.total = moved.total
            meter.at(moved.done, rate=moved.rate)

        # Who stopped the service that brings the rest has to have all of it at once.
        begun = recall.begin(node, self.vault, heard, is_early="backup" in self.running())
        with ledger_of(node, self.target) as ledger:
            unknown = {blob.key for blob in begun.missing} - ledger.damaged()
        if len(unknown) > plan.begin_with.missing:
            raise BackupRefused(
                f"{len(begun.missing)} files are neither in the portal's store nor whole in the backup. Have "
                f"them noted, and the rest comes back: "
                f"`boxctl backup verify --target {self.target.name} --all`."
            )
        self.supervisor.start("cache")
        tell("Ending sessions, and asking who may still come in.")
        return begun, admit_nobody_unasked(node)

    def ask_for_full_backups(self) -> None:
        """A new time line begins. What the ledgers know of ids is of the old one: they are used again."""
        for target in self.chosen.targets:
            with ledger_of(self.node, target) as ledger:
                ledger.write(mark=0, waiting="", wanted="full")

    def archive_log(self) -> None:
        """Have the log of now archived at once: it tells which time line is lived on from here."""
        with suppress(CommandFailed, TimeoutError):
            setup.query(self.node, "select pg_switch_wal()", database="postgres")

    def give_up(self, error: Exception) -> str:
        """Take it back, unless people are in it; in words, with why."""
        why = str(error)
        if not isinstance(error, (*TROUBLE, SupervisorError)):
            why = f"It failed unexpectedly ({type(error).__name__}: {error})."
            log.error("%s", why, exc_info=error)
        if opened := self.journal.noted("opened"):
            return f"{why} {opened['words']} That is not taken back any more."
        self.journal.append("taking back", why=why)
        try:
            return f"{why} {self.take_back()}"
        except (*TROUBLE, SupervisorError) as more:
            return f"{why} Taking it back has failed as well: {more}"

    def take_back(self) -> str:
        """Make the box what it was; says so in a sentence. Killed in between, it is taken back again."""
        self.journal.progress("Taking the restore back.")
        if noted := self.journal.noted("swapping"):
            if not noted.get("there_was_one", True):
                self.supervisor.start(*self.running(), progress=self.journal.progress)
                return "There was no database before that could be put back: begin another restore."
            if self.before.exists():
                self.put_back()
            quarantine.end(self.node.paths)
        self.supervisor.start(*self.running(), progress=self.journal.progress)
        self.archive_log()
        pgbackrest.end_workers(self.beside)
        left = "".join(f" Not done: {line}." for line in self.remove(self.beside))
        return f"The box is as it was before the restore.{left}"

    def put_back(self) -> None:
        """Put the old cluster in its place again: `swap` backwards."""
        # What it would still hand over is of a cluster that goes, and the target may be what is away.
        self.supervisor.abandon("database")
        self.supervisor.stop(*self._standing_still())
        if self.place.exists():
            as_owner.rename(self.place, self.beside, self.owner)
        as_owner.rename(self.before, self.place, self.owner)

    def remove(self, folder: Path) -> list[str]:
        """Remove a cluster that is in nobody's way; what could not be done, in words."""
        try:
            as_owner.remove(folder, self.owner)
        except CommandFailed as error:
            why = error.completed.stderr.strip()
            return [f"{folder} is not needed any more, and has to be removed by hand ({why})"]
        return []

    def running(self) -> list[str]:
        """The services that ran when the restore came to them: what somebody has stopped stays stopped."""
        if noted := self.journal.noted("swapping"):
            return list(noted["running"])
        held = self.supervisor.held()
        known = self.supervisor.status(with_health=False)
        up = [status.service for status in known if status.pid or status.service in held]
        return list(dict.fromkeys(["database", *up]))

    def _standing_still(self) -> list[str]:
        return [service.name for service in enabled(self.node) if service.name in _STAND_STILL]


def wait_until_recovered(node: Node, supervisor: Supervisor) -> None:
    """Start the database without the patience of an ordinary start: recovering takes what it takes.

    One that cannot recover ends, and is started again, and ends: that is noticed after a few times.
    """
    began_at = datetime.now(UTC)
    supervisor.begin("database")
    seen, is_to_end = set[int](), False
    while True:
        (status,) = supervisor.status("database", with_health=False)
        if status.pid:
            seen.add(status.pid)
        if len(seen) > 1 and not is_to_end and _has_ended_early(supervisor, began_at):
            # Nothing in the log tells PostgreSQL that the moment is reached, so it gives up. The moment is
            # after everything that was written, as far as the log goes: then all of it is what is wanted.
            pgbackrest.forget_moment(node)
            is_to_end = True
            seen.clear()
        if len(seen) > _RESTARTS:
            words = "\n".join(supervisor.logs(["database"], lines=15))
            raise BackupRefused(f"The database does not recover. Its last words:\n{words}")
        # It takes no connections before it is consistent.
        with suppress(CommandFailed):
            if setup.query(node, "select pg_is_in_recovery()", database="postgres") == "f":
                return
        time.sleep(0.3)


def reached(node: Node) -> datetime | None:
    """When the last transaction was committed that the recovery has applied; None: there was none."""
    text = setup.query(
        node, "select coalesce(pg_last_xact_replay_timestamp()::text, '')", database="postgres"
    )
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _has_ended_early(supervisor: Supervisor, since: datetime) -> bool:
    """Whether the database has come to the end of its log before the moment it is to go back to."""
    found = (_ENDED_EARLY.search(line) for line in supervisor.logs(["database"], lines=100))
    return any(datetime.fromisoformat(f"{match[1]}+00:00") >= since for match in found if match)


_ENDED_EARLY = re.compile(r"(\d{4}-\d\d-\d\d [\d:.]+) UTC .*recovery ended before configured recovery target")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("+", maxsplit=1)[0].split(".") if part.isdigit())


if __name__ == "__main__":
    main()
