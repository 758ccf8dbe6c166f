"""The operations on services that both supervisors offer, and the words for what they find.

Each supervisor knows how to start, stop, signal and list single processes; everything that takes thought
(order, waiting for health, draining, scaling) is here, once.
"""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from appliance import config, folders, quarantine, runner, service_files, users, web_workers
from appliance.agent.answers import WorkersDecision
from appliance.files import write_atomically
from appliance.node import Node
from appliance.services import Service, enabled
from appliance.services.balancer.runtime import BalancerAway, BalancerRefused, Runtime
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.services.balancer.service import runtime_socket, server_name, with_workers
from appliance.services.web.service import SERVICE as WEB
from appliance.supervise import processes

# A cluster that replays its journal, a store that reads its volumes: longer than that, and somebody should
# look.
_START_SECONDS = 90.0
_DRAIN_SECONDS = 25.0
_RELOAD_SECONDS = 15.0

type Progress = Callable[[str], None]


class State(StrEnum):
    """What a supervisor says about one process."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Status:
    """One instance of a service as it is now."""

    service: str
    instance: str
    """`web@1`, or the service's name where there is only one."""
    state: State
    pid: int | None
    uptime_seconds: int | None
    memory_mb: int | None
    """Proportional set size of its processes: shared pages counted once over all. None where nobody asked."""
    problem: str | None
    """What its health check found, or why it does not run; None: it answers."""

    @property
    def is_healthy(self) -> bool:
        return self.state is State.RUNNING and self.problem is None


@dataclass(frozen=True)
class Process:
    """What a supervisor knows about one instance."""

    state: State
    pid: int | None = None
    uptime_seconds: int | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Instance:
    """One process to be supervised: `web@2`."""

    service: Service
    number: int

    @property
    def name(self) -> str:
        return f"{self.service.name}@{self.number}" if self.service.is_instanced else self.service.name


class SupervisorError(Exception):
    """An operation failed; the message says which, why, and what to look at."""


def instances(node: Node) -> tuple[Instance, ...]:
    """Every instance that the configuration asks for, in start order."""
    return tuple(
        Instance(service, number)
        for service in enabled(node)
        for number in range(1, service.instances(node) + 1)
    )


class Supervisor(ABC):
    """Starts the services and keeps them running. `names`: services or instances; none means all."""

    def __init__(self, node: Node) -> None:
        self.node = node

    # --- what a supervisor must be able to do ---------------------------------------------------------------

    @abstractmethod
    def _apply(self) -> tuple[str, ...]:
        """See `apply`."""

    @abstractmethod
    def hidden_from(self, service: Service) -> tuple[Path, ...]:
        """The folders in whose place a service sees others, or nothing: what lies there is not for it."""

    @abstractmethod
    def pending(self) -> tuple[str, ...]:
        """Names the instances that have yet to be started anew for what `apply` would write, to be started at
        all, or to be ended; changes nothing."""

    def is_applied(self) -> bool:
        """Whether nothing is left to `apply`, not even what concerns no instance."""
        return not self.pending()

    @abstractmethod
    def remove(self) -> None:
        """Stop everything and take away what `apply` wrote; the box's own files stay."""

    @abstractmethod
    def logs(self, names: Sequence[str], *, lines: int = 100, follow: bool = False) -> Generator[str]:
        """The last lines of these services' logs, oldest first; with `follow`, then new ones as they come."""

    @abstractmethod
    def log_page(self, names: Sequence[str], *, lines: int, before: str = "") -> tuple[tuple[str, ...], str]:
        """The last `lines` lines of their logs together, oldest first, and the cursor for those before
        (empty: no more). It may come back from anybody: what is no cursor stands for the end."""

    @abstractmethod
    def _start(self, instance: Instance) -> None:
        """Start one instance; nothing if it runs. Does not wait for it to answer."""

    @abstractmethod
    def _stop(self, instance: Instance) -> None:
        """Stop one instance and wait for its end; nothing if it does not run."""

    @abstractmethod
    def _restart(self, instance: Instance) -> None:
        """Stop one instance and start it again, where that is possible without depending on this process:
        the agent, which takes up what was killed, must come back also when its restart was killed."""

    @abstractmethod
    def _signal(self, instance: Instance, number: signal.Signals) -> None:
        """Send a signal to the instance's main process."""

    @abstractmethod
    def _processes(self) -> dict[str, Process]:
        """What is known about every instance, by name."""

    # --- what all of them offer -----------------------------------------------------------------------------

    def apply(self) -> tuple[str, ...]:
        """Write units (or the supervisor's configuration) for the configured instances.

        Names those that were `pending`. Instances beyond the configured number are stopped. What runs goes
        on running, also when its unit changed: restart it.
        """
        with service_files.as_agreed(self.node) as self.node:
            return self._apply()

    def start(self, *names: str, progress: Progress = lambda _: None) -> None:
        """Start in order, and wait until each answers. Starting what runs, or is held, does nothing."""
        folders.prepare(self.node.paths)
        selected = self._admitted(names, progress)
        for service in dict.fromkeys(instance.service for instance in selected):
            self._check(service)
        waiting: list[Instance] = []
        for instance in selected:
            # Services of the same order start together; the next ones wait for them.
            if waiting and waiting[-1].service.order // 10 != instance.service.order // 10:
                self._wait_until_healthy(waiting, progress)
                waiting = []
            self._start(instance)
            waiting.append(instance)
        self._wait_until_healthy(waiting, progress)

    def begin(self, *names: str) -> None:
        """Start, and wait for nobody to answer."""
        folders.prepare(self.node.paths)
        for instance in self._admitted(names):
            self._start(instance)

    def held(self) -> set[str]:
        """The services that do not start now, because what was brought back is not let loose yet."""
        if not quarantine.is_on(self.node.paths):
            return set()
        return {service.name for service in enabled(self.node) if service.is_quarantined}

    def stop(self, *names: str, progress: Progress = lambda _: None) -> None:
        """Stop in reverse order and wait for the end. Nothing comes back by itself before `start`."""
        for instance in reversed(self._selected(names)):
            progress(f"{instance.name}: stopping")
            self._stop(instance)

    def abandon(self, *names: str) -> None:
        """Stop what will be thrown away: its last work is not waited for, as PostgreSQL waits for the archive
        of its log."""
        for instance in reversed(self._selected(names)):
            with ThreadPoolExecutor(1) as beside:
                stopping = beside.submit(self._stop, instance)
                while not stopping.done():
                    known = self._processes().get(instance.name)
                    # Not before it is being stopped: it would be started again.
                    if known and known.state is State.STOPPING:
                        # It may have come to its end in this very moment.
                        with suppress(SupervisorError):
                            self._signal(instance, instance.service.abandon_signal)
                        break
                    time.sleep(0.05)
                stopping.result()

    def restart(self, *names: str, progress: Progress = lambda _: None) -> None:
        """Restart one after the other. Web workers are drained at the balancer first: no request fails."""
        for instance in self._admitted(names, progress):
            progress(f"{instance.name}: restarting")
            drained = instance.service is WEB and self._drain(instance)
            is_back = False
            try:
                self._restart(instance)
                self._wait_until_healthy([instance], progress)
                is_back = True
            finally:
                # One that did not come back must not stay drained: the balancer's checks see when it does.
                if drained:
                    self._welcome(instance, at_once=is_back)

    def reload(self, *names: str, progress: Progress = lambda _: None) -> None:
        """Make services take their changed generated files: by signal where they can, else by a restart."""
        running = {name for name, process in self._processes().items() if process.state is State.RUNNING}
        for instance in self._selected(names):
            service = instance.service
            if instance.name not in running:
                continue
            self._check(service)
            if service.reload_signal is None:
                self.restart(instance.name, progress=progress)
            else:
                before = service.generation(self.node) if service.generation else None
                self._signal(instance, service.reload_signal)
                self._wait_until_taken(instance, before)
                self._wait_until_healthy([instance], progress)

    def status(self, *names: str, with_health: bool = True) -> list[Status]:
        """Every configured instance, in start order. Without health, their memory is not looked at either:
        both cost far more than to know which processes there are."""
        known = self._processes()
        children = processes.all_children() if with_health else {}
        found = []
        for instance in self._selected(names):
            process = known.get(instance.name, Process(State.STOPPED))
            problem = process.problem
            if process.state is not State.RUNNING:
                problem = problem or f"it is {process.state}"
            elif with_health:
                problem = problem or self._health(instance)
            memory = None
            if with_health and process.pid:
                memory = processes.memory_mb(processes.children_of(process.pid, children))
            found.append(
                Status(
                    service=instance.service.name,
                    instance=instance.name,
                    state=process.state,
                    pid=process.pid,
                    uptime_seconds=process.uptime_seconds,
                    memory_mb=memory,
                    problem=problem,
                )
            )
        return found

    def scale(self, service: str, count: int, progress: Progress = lambda _: None) -> None:
        """Run `count` instances from now on: written to `[node]` of box.toml, no request is lost."""
        if service != WEB.name:
            raise SupervisorError(f"{service} cannot be scaled: only web workers can.")
        before = self.node.web_workers
        file = self.node.paths.box_toml
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        changed = config.set_value(text, "node.web_workers", count, from_console=False, file=str(file))
        write_atomically(file, changed, mode=file.stat().st_mode & 0o777 if file.exists() else 0o644)
        self.node = Node.load(self.node.paths)
        if count >= before:
            self.apply()
            self.start(*(f"{service}@{number}" for number in range(before + 1, count + 1)), progress=progress)
            self._tell_balancer(progress)
            return
        leaving = [Instance(WEB, number) for number in range(count + 1, before + 1)]
        for instance in leaving:
            self._drain(instance)
        self._tell_balancer(progress)
        self.apply()

    def follow_load(self, decision: WorkersDecision, progress: Progress = lambda _: None) -> None:
        """Run as many web workers as the load asks for, and remember it. No request is lost, no connection
        ends: the balancer knows all that there may be, and is told who is off. Done again, nothing changes.
        Where one does not start, as many run as before.
        """
        known, node = self.node, replace(self.node, decision=decision)
        before, after = decision.before, node.web_workers
        coming = [Instance(WEB, number) for number in range(before + 1, after + 1)]
        leaving = [Instance(WEB, number) for number in range(after + 1, before + 1)]
        for instance in leaving:
            progress(f"{instance.name}: draining")
            self._drain(instance)
        self.node = node
        try:
            if coming:
                self.apply()
                self.start(*(instance.name for instance in coming), progress=progress)
        except SupervisorError:
            self.node = known
            self.apply()
            raise
        web_workers.remember(node.paths, decision)
        # For whoever starts the balancer; the one that runs is told at its socket.
        service_files.apply(node, only=(BALANCER,))
        for instance in coming:
            self._welcome(instance, at_once=True)
        for instance in leaving:
            with suppress(BalancerAway, BalancerRefused):
                Runtime(runtime_socket(node)).set_aside(WEB.name, server_name(instance.name))
        if leaving:
            self.apply()

    # --- the parts of it ------------------------------------------------------------------------------------

    def _selected(self, names: Sequence[str]) -> list[Instance]:
        everyone = instances(self.node)
        if not names:
            return list(everyone)
        known = {instance.name for instance in everyone} | {instance.service.name for instance in everyone}
        for name in names:
            if name not in known:
                raise SupervisorError(
                    f"{name} does not run in this box. There are: {', '.join(sorted(known))}."
                )
        return [i for i in everyone if i.name in names or i.service.name in names]

    def _admitted(self, names: Sequence[str], progress: Progress = lambda _: None) -> list[Instance]:
        """Those of them that may start."""
        selected, held = self._selected(names), self.held()
        for instance in selected:
            if instance.service.name in held:
                progress(
                    f"{instance.name}: stands still until a restore has come to its end. Where none runs, "
                    f"begin one; or remove {quarantine.mark(self.node.paths)} to let people in as it is."
                )
        return [instance for instance in selected if instance.service.name not in held]

    def _health(self, instance: Instance) -> str | None:
        return instance.service.health(self.node, instance.number)

    def _wait_until_healthy(self, waiting: Sequence[Instance], progress: Progress) -> None:
        deadline = time.monotonic() + _START_SECONDS
        for instance in waiting:
            progress(f"{instance.name}: starting")
            while (problem := self._health(instance)) is not None:
                if time.monotonic() > deadline:
                    last = "\n".join(self.logs([instance.name], lines=15))
                    raise SupervisorError(
                        f"{instance.name} did not start within {_START_SECONDS:.0f} s: {problem}. "
                        f"See `boxctl logs {instance.service.name}`; its last lines:\n{last}"
                    )
                time.sleep(0.1)

    def _wait_until_taken(self, instance: Instance, before: str | None) -> None:
        """Wait until a service that was told of new files serves by them, when it can say so."""
        generation = instance.service.generation
        if generation is None:
            return
        deadline = time.monotonic() + _RELOAD_SECONDS
        while generation(self.node) in (before, None):
            if time.monotonic() > deadline:
                last = "\n".join(self.logs([instance.name], lines=10))
                raise SupervisorError(
                    f"{instance.name} does not take its new files, for example because a port is taken, and "
                    f"goes on with the old ones. Its last lines:\n{last}"
                )
            time.sleep(0.05)

    def _check(self, service: Service) -> None:
        """Ask the program itself whether its files are good: a running service shall not choke on them."""
        if service.check is None:
            return
        command = service.check(self.node)
        done = runner.run(command, user=users.account(service.user), check=False, timeout=30)
        if done.code != 0:
            raise SupervisorError(
                f"{service.name} refuses its generated files, and is left as it is.\n{done.stderr.strip()}"
            )

    def _drain(self, instance: Instance) -> bool:
        """Send no new requests there, and wait for those that run. False: the balancer is away, nothing to
        drain.

        When it is the last one that serves, requests wait at the balancer until it is back.
        """
        balancer, me = Runtime(runtime_socket(self.node)), server_name(instance.name)
        try:
            balancer.drain(WEB.name, me)
            deadline = time.monotonic() + _DRAIN_SECONDS
            while time.monotonic() < deadline:
                if not any(_is_busy(balancer, backend, me) for backend in with_workers(self.node)):
                    break
                time.sleep(0.05)
        except (BalancerAway, BalancerRefused, KeyError):
            return False
        return True

    def _welcome(self, instance: Instance, *, at_once: bool) -> None:
        try:
            balancer = Runtime(runtime_socket(self.node))
            balancer.welcome(WEB.name, server_name(instance.name), at_once=at_once)
        except (BalancerAway, BalancerRefused):
            return  # it starts, and finds the worker by its own checks

    def _tell_balancer(self, progress: Progress) -> None:
        if BALANCER.name in service_files.apply(self.node, only=(BALANCER,)):
            self.reload(BALANCER.name, progress=progress)


def _is_busy(balancer: Runtime, backend: str, server: str) -> bool:
    """A backend that the running balancer does not know yet has nothing to do."""
    found = balancer.servers(backend).get(server)
    return found is not None and found.sessions > 0
