"""Puts box.toml into force: checked first, then the services' files, then the services that they concern.

A configuration that is wrong changes nothing. One that reads well but that a service refuses, or does not
start with (a port that is taken), is taken back: the services get the files from before again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from appliance import config, service_files
from appliance.agent import applied_config
from appliance.agent.journal import Journal
from appliance.agent.operations import performing
from appliance.node import Node
from appliance.paths import Paths
from appliance.quoting import Unwritable
from appliance.services import enabled
from appliance.supervise import State, Supervisor, SupervisorError, supervisor_for


def main() -> None:
    with performing(config.ConfigError, config.RootOnly, Unwritable, SupervisorError) as journal:
        paths = Paths.from_environment()
        before = applied_config.previous(paths)
        change(paths, journal)
        try:
            end = apply(Node.load(paths), journal, before=before)
        except (SupervisorError, Unwritable) as error:
            raise SupervisorError(f"{error} {take_back(paths, before, journal)}") from error
        applied_config.remember(paths)
        journal.end("done", end)


def change(paths: Paths, journal: Journal) -> None:
    """Write the values that were asked for into box.toml, what stood there before into the journal."""
    if not (journal.arguments["values"] or journal.arguments.get("takes_back")):
        return
    now = applied_config.read_box_toml(paths)
    text = _changed(paths, journal, now)
    if not journal.noted("before"):
        journal.append("before", text=now)
    # Also where it is noted: whoever noted it may have come no further.
    applied_config.write_box_toml(paths, text)


def _changed(paths: Paths, journal: Journal, now: str) -> str:
    """box.toml with the values; or as it was before the operation of a key, where that one changed it."""
    if taken := journal.arguments.get("takes_back"):
        journals = (one for one in Journal.all(paths.operations) if one.arguments.get("key") == taken)
        before = next((one.noted("before") for one in journals), None)
        return str(before["text"]) if before else now
    values: Mapping[str, config.Value | list[str]] = journal.arguments["values"]
    typed = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return config.set_values(now, typed, from_console=bool(journal.arguments["from_console"]))


@dataclass(frozen=True)
class Plan:
    """Who takes notice, and how."""

    restarted: tuple[str, ...]
    """Instances with a new unit, new ones among them."""
    reloaded: tuple[str, ...]
    """Services that only have new files."""
    leaving: tuple[str, ...]
    """Instances that the configuration does not know any more."""

    def __str__(self) -> str:
        if not self.restarted and not self.reloaded and not self.leaving:
            return "Nothing to do: it is in force already."
        left = [f"{name} left" for name in self.leaving]
        return f"In force: {', '.join((*self.restarted, *self.reloaded, *left))}."


def decide(node: Node, *, wanted: Collection[str], files: Collection[str], units: Collection[str]) -> Plan:
    """A new unit needs a restart, new files only a reload; who does not run takes notice when it starts.

    `wanted` and `files` name services, `units` instances.
    """
    running = [service for service in enabled(node) if service.name in wanted]
    known = {name for service in enabled(node) for name in service.instance_names(node)}
    restarted = [name for service in running for name in service.instance_names(node) if name in units]
    # The portal's services share one file; one that is restarted whole has read it by then.
    reloaded = [
        service.name
        for service in running
        if service.name in files and not set(service.instance_names(node)) <= set(restarted)
    ]
    return Plan(tuple(restarted), tuple(reloaded), tuple(sorted(set(units) - known)))


def added(node: Node, before: Node | None) -> set[str]:
    """The services that the configuration has now and had not: nobody has stopped these."""
    known = {service.name for service in enabled(before)} if before is not None else None
    return {service.name for service in enabled(node) if known is not None and service.name not in known}


def apply(node: Node, journal: Journal, *, before: Node | None = None) -> str:
    """Write files and units, and let the services concerned take notice; says in a sentence what was done."""
    supervisor = supervisor_for(node)
    # Of an earlier attempt that was interrupted. How far it came is not known: all of it is done again.
    earlier = journal.noted("plan") or {"wanted": [], "files": [], "units": []}
    statuses = supervisor.status(with_health=False)
    # What tries to run is wanted too. What somebody has stopped stays stopped.
    up = {status.service for status in statuses if status.state is not State.STOPPED}
    wanted = {*earlier["wanted"], *up, *added(node, before)}
    files = {*earlier["files"], *service_files.pending(node)}
    units = {*earlier["units"], *supervisor.pending()}
    # Before any file is written: afterwards nobody could tell any more who was not told.
    journal.append("plan", wanted=sorted(wanted), files=sorted(files), units=sorted(units))
    plan = decide(node, wanted=wanted, files=files, units=units)
    perform(plan, supervisor, journal)
    return str(plan)


def perform(plan: Plan, supervisor: Supervisor, journal: Journal) -> None:
    """New workers are there before the balancer hears of them; those that leave, only until it has."""
    total = len(plan.restarted) + len(plan.reloaded)

    def restart() -> None:
        supervisor.apply()
        for number, name in enumerate(plan.restarted):
            supervisor.restart(name, progress=partial(journal.progress, done=number, total=total))

    def reload() -> None:
        for number, name in enumerate(plan.reloaded, start=len(plan.restarted)):
            supervisor.reload(name, progress=partial(journal.progress, done=number, total=total))

    service_files.apply(supervisor.node)
    for act in (reload, restart) if plan.leaving else (restart, reload):
        act()


def take_back(paths: Paths, before: Node | None, journal: Journal) -> str:
    """Give the services their files from before; says in a sentence what is in force now."""
    if noted := journal.noted("before"):
        applied_config.write_box_toml(paths, str(noted["text"]))
    if before is None:
        return "Correct box.toml and apply it again."
    journal.progress("Taking the change back.")
    apply(before, journal)
    return "What was in force before is in force again."


if __name__ == "__main__":
    main()
