"""The box under one supervisord: in a container, in a scratch folder, as any user."""

from __future__ import annotations

import configparser
import math
import os
import resource
import shlex
import shutil
import signal
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from appliance import folders, quoting, runner, users
from appliance.files import ensure_folder, write_atomically
from appliance.node import Node
from appliance.services import Service
from appliance.supervise import log_files, processes
from appliance.supervise.base import Instance, Process, State, Supervisor, SupervisorError, instances
from appliance.templates import render

# Within the running release, by its link: whoever writes the file may be of another one, and a service whose
# command is the same goes on through an upgrade.
_LAUNCH = "appliance/supervise/launch.py"

_STATES = {
    "RUNNING": State.RUNNING,
    "STARTING": State.STARTING,
    "BACKOFF": State.STARTING,
    "STOPPING": State.STOPPING,
    "STOPPED": State.STOPPED,
    "EXITED": State.FAILED,
    "FATAL": State.FAILED,
    "UNKNOWN": State.FAILED,
}


class Supervisord(Supervisor):
    """Speaks to supervisord over its Unix socket, and starts it when it is not there."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self._folder = node.paths.generated / "supervisor"
        self._config = self._folder / "supervisord.conf"
        self._socket = node.paths.run / "supervisor.sock"
        self._pid_file = node.paths.run / "supervisord.pid"

    def _apply(self) -> tuple[str, ...]:
        folders.prepare(self.node.paths)
        ensure_folder(self._folder, mode=0o700)
        names = self.pending()
        changed = write_atomically(self._config, self._text(self._wanted()), mode=0o400)
        if changed and self._is_running():
            self._forget()
        return names

    def hidden_from(self, service: Service) -> tuple[Path, ...]:
        return (Path("/tmp"),) if self._has_own_tmp(service) else ()  # noqa: S108

    def _has_own_tmp(self, service: Service) -> bool:
        is_private = service.sandbox(self.node).private_tmp
        return users.are_separated() and is_private and not _is_within_tmp(self.node.paths.prefix)

    def pending(self) -> tuple[str, ...]:
        before, wanted = self._sections(), self._wanted()
        names = {name for name in before.keys() | wanted.keys() if before.get(name) != wanted.get(name)}
        return tuple(sorted(names))

    def remove(self) -> None:
        self.shut_down()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wanted(self) -> dict[str, dict[str, str]]:
        return {instance.name: self._section(instance) for instance in instances(self.node)}

    def _text(self, programs: Mapping[str, Mapping[str, str]]) -> str:
        return render(
            "supervise/supervisord.conf.j2",
            socket=quoting.supervisord(self._socket),
            pid_file=quoting.supervisord(self._pid_file),
            log=quoting.supervisord(self.node.paths.log),
            logs=self.node.box.logs,
            is_root=users.are_separated(),
            descriptors=_descriptors(),
            programs=programs,
        )

    def logs(self, names: Sequence[str], *, lines: int = 100, follow: bool = False) -> Generator[str]:
        selected = self._selected(names)
        prefix = len(selected) > 1
        files = {instance.name: self._log_of(instance) for instance in selected}
        open_files: dict[str, Any] = {}
        try:
            for name, path in files.items():
                if not path.exists():
                    continue
                # One handle for both: nothing is missed between the last lines and the new ones.
                open_files[name] = path.open(encoding="utf-8", errors="replace")
                for line in deque(open_files[name], maxlen=lines):
                    yield f"{name} | {line.rstrip('\n')}" if prefix else line.rstrip("\n")
            while follow:
                for name, path in files.items():
                    for line in _new_lines(open_files, name, path):
                        yield f"{name} | {line}" if prefix else line
                time.sleep(0.3)
        finally:
            for file in open_files.values():
                file.close()

    def log_page(self, names: Sequence[str], *, lines: int, before: str = "") -> tuple[tuple[str, ...], str]:
        return log_files.page(
            [self._log_of(instance) for instance in self._selected(names)], lines=lines, before=before
        )

    def _log_of(self, instance: Instance) -> Path:
        return self.node.paths.log / f"{instance.name}.log"

    def shut_down(self) -> None:
        """Stop every service and supervisord itself."""
        if not self._is_running():
            return
        self.stop()
        pid = int(self._rpc().getPID())
        self._rpc().shutdown()
        deadline = time.monotonic() + 15
        while processes.is_alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _start(self, instance: Instance) -> None:
        self._ensure_running()
        self._take_over(instance.name)
        try:
            self._rpc().startProcess(instance.name, True)
        except Fault as fault:
            if fault.faultCode == Faults.ALREADY_STARTED:
                return
            raise SupervisorError(f"{instance.name} cannot be started: {fault.faultString}.") from fault

    def _stop(self, instance: Instance) -> None:
        if not self._is_running():
            return
        try:
            self._rpc().stopProcess(instance.name, True)
        except Fault as fault:
            if fault.faultCode not in (Faults.NOT_RUNNING, Faults.BAD_NAME):
                raise SupervisorError(f"{instance.name} cannot be stopped: {fault.faultString}.") from fault

    def _restart(self, instance: Instance) -> None:
        """What ends by itself is started again by supervisord. Only of what has changed for it, it takes
        notice while the instance is stopped."""
        before = self._processes().get(instance.name)
        if before is None or before.pid is None or self._has_changed(instance.name):
            self._stop(instance)
            self._start(instance)
            return
        self._signal(instance, instance.service.stop_signal)
        deadline = time.monotonic() + instance.service.stop_seconds
        while (now := self._processes().get(instance.name)) and now.pid == before.pid:
            if time.monotonic() > deadline:
                self._signal(instance, signal.SIGKILL)
                deadline = math.inf
            time.sleep(0.05)
        # Nothing, unless supervisord itself has gone meanwhile.
        self._start(instance)

    def _has_changed(self, name: str) -> bool:
        [[added, changed, removed]] = self._rpc().reloadConfig()
        return name in (*added, *changed, *removed)

    def _signal(self, instance: Instance, number: signal.Signals) -> None:
        try:
            self._rpc().signalProcess(instance.name, str(number.value))
        except Fault as fault:
            raise SupervisorError(f"{instance.name} takes no signal: {fault.faultString}.") from fault

    def _processes(self) -> dict[str, Process]:
        if not self._is_running():
            return {}
        found = {}
        for entry in self._rpc().getAllProcessInfo():
            state = _STATES[entry["statename"]]
            is_running = state is State.RUNNING
            found[entry["name"]] = Process(
                state=state,
                pid=int(entry["pid"]) or None,
                uptime_seconds=int(entry["now"]) - int(entry["start"]) if is_running else None,
                problem=entry["spawnerr"] or None,
            )
        return found

    # --- supervisord itself ---------------------------------------------------------------------------------

    def _rpc(self) -> Any:
        proxy: Any = ServerProxy(
            "http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{self._socket}")
        )
        return proxy.supervisor

    def _is_running(self) -> bool:
        try:
            return bool(self._rpc().getState()["statename"] == "RUNNING")
        except (OSError, Fault):
            return False

    def _ensure_running(self) -> None:
        if self._is_running():
            return
        if not self._config.exists():
            self.apply()
        # A supervisor that was killed leaves its services running, and with nobody to restart them.
        left = processes.marked(self.node.paths.prefix)
        processes.end(left, seconds=5)
        runner.run(
            [
                # Whatever it had in its environment, every service would have until the next boot.
                *("env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"),
                f"{processes.PREFIX_MARK}={self.node.paths.prefix}",
                *(self.node.python, "-m", "supervisor.supervisord", "-c", self._config),
            ],
            cwd=Path("/"),
            timeout=30,
        )
        deadline = time.monotonic() + 15
        while not self._is_running():
            if time.monotonic() > deadline:
                raise SupervisorError(
                    f"supervisord does not answer: see {self.node.paths.log}/supervisord.log."
                )
            time.sleep(0.05)

    def _forget(self) -> None:
        """Stop what is not configured any more. What is new or changed is taken over when it is started."""
        rpc = self._rpc()
        [[_, _, removed]] = rpc.reloadConfig()
        for name in removed:
            rpc.stopProcessGroup(name, True)
            rpc.removeProcessGroup(name)

    def _take_over(self, name: str) -> None:
        """Make supervisord know a program as its configuration is now, possible while it is stopped."""
        rpc = self._rpc()
        [[added, changed, _]] = rpc.reloadConfig()
        is_running = name not in added and rpc.getProcessInfo(name)["statename"] in ("RUNNING", "STARTING")
        if name in changed and not is_running:
            rpc.stopProcessGroup(name, True)
            rpc.removeProcessGroup(name)
        if name in added or (name in changed and not is_running):
            rpc.addProcessGroup(name)

    def _section(self, instance: Instance) -> dict[str, str]:
        """The settings of one program."""
        service, node = instance.service, self.node
        sandbox, me = service.sandbox(node), users.account(service.user)
        separated = users.are_separated() and me.uid != 0
        launch = [str(node.python), "-I", "-S", str(node.release / _LAUNCH)]
        launch += ["--stamp", str(node.paths.run / "starts" / instance.name)]
        if separated:
            launch += ["--user", f"{me.uid}:{me.gid}"]
            if service.groups:
                launch += ["--groups", ",".join(str(users.group_id(name)) for name in service.groups)]
            launch += [word for name in sandbox.capabilities for word in ("--capability", name)]
        if self._has_own_tmp(service):
            launch += ["--tmp", str(self._own_tmp(service.name, me))]
        if pid_file := service.stale_pid_file(node):
            launch += ["--pid-file", str(pid_file)]
        launch += [f"--before={word}" for word in service.before(node)]
        if users.are_separated():
            launch += ["--oom-score", str(service.oom_score)]
        command = [*launch, "--", *service.command(node, str(instance.number))]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            processes.SERVICE_MARK: instance.name,
            processes.PREFIX_MARK: str(node.paths.prefix),
            **service.environment(node),
        }
        return {
            "command": quoting.supervisord(shlex.join(command)),
            "environment": ",".join(
                f'{name}="{quoting.supervisord(value)}"' for name, value in environment.items()
            ),
            "directory": quoting.supervisord(str(service.directory(node))),
            "stopsignal": service.stop_signal.name.removeprefix("SIG"),
            "stopwaitsecs": str(service.stop_seconds),
            # What the agent has started survives it: a restore goes on while the agent is replaced.
            "killasgroup": "false" if sandbox.trusted else "true",
        }

    def _own_tmp(self, service: str, owner: users.Account) -> Path:
        folder = self.node.paths.run / "tmp" / service
        ensure_folder(folder, mode=0o700, owner=owner)
        return folder

    def _sections(self) -> dict[str, dict[str, str]]:
        """The programs of the configuration file as it is now."""
        parser = configparser.RawConfigParser(inline_comment_prefixes=None)
        parser.read(self._config, encoding="utf-8")
        return {
            name.removeprefix("program:"): {key: parser[name][key] for key in _OWN_KEYS}
            for name in parser.sections()
            if name.startswith("program:")
        }


_OWN_KEYS = ("command", "environment", "directory", "stopsignal", "stopwaitsecs", "killasgroup")


def _is_within_tmp(path: Path) -> bool:
    """A scratch box in /tmp would hide itself from a service that has a /tmp of its own."""
    return path.resolve().is_relative_to("/tmp")  # noqa: S108


def _descriptors() -> int:
    """As many open files as push streams need, or as many as this machine lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 20_000 if hard == resource.RLIM_INFINITY else min(20_000, hard)


def _new_lines(open_files: dict[str, Any], name: str, path: Path) -> Iterator[str]:
    """What was appended; after a rotation, the rest of the old file and then the new one."""
    file = open_files.get(name)
    if file is not None:
        yield from (line.rstrip("\n") for line in file)
    if not path.exists():
        return
    if file is None or os.fstat(file.fileno()).st_ino != path.stat().st_ino:
        if file is not None:
            file.close()
        open_files[name] = path.open(encoding="utf-8", errors="replace")
        yield from (line.rstrip("\n") for line in open_files[name])
