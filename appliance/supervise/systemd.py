"""The box as systemd units: a template with instances for web, sandboxes, a target for the whole."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Collection, Generator, Mapping, Sequence
from pathlib import Path

from appliance import folders, quarantine, quoting, runner, users
from appliance.files import write_atomically
from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services import Service, enabled
from appliance.supervise import journald, processes
from appliance.supervise.base import Instance, Process, State, Supervisor, SupervisorError, instances
from appliance.templates import render

_UNITS = Path("/etc/systemd/system")
_TMPFILES = Path("/etc/tmpfiles.d/korobka.conf")
_TARGET = "korobka.target"

_STATES = {
    "active": State.RUNNING,
    "reloading": State.RUNNING,
    "activating": State.STARTING,
    "deactivating": State.STOPPING,
    "inactive": State.STOPPED,
    "failed": State.FAILED,
}


def unit_of(instance: Instance) -> str:
    """`korobka-web@2.service`."""
    return f"korobka-{instance.name}.service"


def _instance_of(unit: str) -> str:
    """`web@2`: the way back."""
    return unit.removeprefix("korobka-").removesuffix(".service")


def _file_of(service: Service) -> str:
    """Its unit, or the template of its units."""
    return f"korobka-{service.name}{'@' if service.is_instanced else ''}.service"


class Systemd(Supervisor):
    """Writes units and asks systemd. Logs are the journal's, which bounds itself."""

    def _apply(self) -> tuple[str, ...]:
        folders.prepare(self.node.paths)
        names, wanted, keep = self.pending(), units(self.node), self._to_enable()
        changed = [name for name, text in wanted.items() if write_atomically(_UNITS / name, text, mode=0o644)]
        write_atomically(_TMPFILES, tmpfiles(self.node), mode=0o644)
        gone = self._gone(wanted)
        if leaving := sorted(self._leaving(wanted)):
            # In this order: of one that runs and does not start at boot, nobody would know any more.
            self._systemctl("stop", *leaving)
            self._systemctl("disable", "--quiet", *leaving)
        for path in gone:
            path.unlink()
        if changed or gone or self._has_unread(keep):
            self._systemctl("daemon-reload")
        if missing := sorted(keep - self._enabled()):
            self._systemctl("enable", "--quiet", *missing)
        return names

    def hidden_from(self, service: Service) -> tuple[Path, ...]:
        # See unit.service.j2: ProtectHome, PrivateDevices and PrivateTmp (systemd.exec).
        sandbox = service.sandbox(self.node)
        if sandbox.trusted:
            return ()
        own_tmp = ("/tmp", "/var/tmp") if sandbox.private_tmp else ()  # noqa: S108
        return tuple(map(Path, ("/home", "/root", "/run/user", "/dev", *own_tmp)))

    def pending(self) -> tuple[str, ...]:
        wanted = units(self.node)
        stale = {
            unit_of(instance)
            for instance in instances(self.node)
            if _for_process(_text(_UNITS / _file_of(instance.service)))
            != _for_process(wanted[_file_of(instance.service)])
        }
        missing = self._to_enable() - self._enabled()
        concerned = (stale | missing | self._leaving(wanted)) - {_TARGET}
        return tuple(sorted(map(_instance_of, concerned)))

    def is_applied(self) -> bool:
        wanted, keep = units(self.node), self._to_enable()
        is_written = all(_text(_UNITS / name) == text for name, text in wanted.items())
        is_known = self._enabled() == keep and not self._has_unread(keep)
        return is_written and is_known and not self._gone(wanted)

    def remove(self) -> None:
        self.stop()
        if enabled_units := self._enabled():
            self._systemctl("disable", "--now", "--quiet", *sorted(enabled_units))
        for path in (*self._gone({}), _UNITS / _TARGET, _TMPFILES):
            path.unlink(missing_ok=True)
        self._systemctl("daemon-reload")

    def _to_enable(self) -> set[str]:
        return {_TARGET} | {unit_of(instance) for instance in instances(self.node)}

    def _gone(self, wanted: Mapping[str, str]) -> list[Path]:
        """Unit files of ours that are not wanted any more."""
        return [path for path in _UNITS.glob("korobka-*.service") if path.name not in wanted]

    def _leaving(self, wanted: Mapping[str, str]) -> set[str]:
        """Units that run, or may, and are not wanted any more."""
        written = {path.name for path in self._gone(wanted) if not path.stem.endswith("@")}
        return (self._enabled() - self._to_enable()) | written

    def _has_unread(self, names: Collection[str]) -> bool:
        """Whether one of these was written and systemd not told: whoever wrote it was cut short."""
        return "yes" in self._systemctl("show", "--property=NeedDaemonReload", *sorted(names))

    def logs(self, names: Sequence[str], *, lines: int = 100, follow: bool = False) -> Generator[str]:
        selected = self._selected(names)
        command = ["journalctl", "--no-pager", f"--lines={lines}", "--output=short-iso"]
        command += [f"--unit={unit_of(instance)}" for instance in selected]
        if not follow:
            yield from runner.run(command, timeout=60).stdout.splitlines()
            return
        with subprocess.Popen([*command, "--follow"], stdout=subprocess.PIPE, text=True) as journal:
            try:
                assert journal.stdout is not None  # noqa: S101 - it is a pipe, by the line above
                for line in journal.stdout:
                    yield line.rstrip("\n")
            finally:
                journal.terminate()

    def log_page(self, names: Sequence[str], *, lines: int, before: str = "") -> tuple[tuple[str, ...], str]:
        return journald.page(map(unit_of, self._selected(names)), lines=lines, before=before)

    def _start(self, instance: Instance) -> None:
        self._systemctl("start", unit_of(instance))

    def _stop(self, instance: Instance) -> None:
        self._systemctl("stop", unit_of(instance))

    def _restart(self, instance: Instance) -> None:
        self._systemctl("restart", unit_of(instance))

    def _signal(self, instance: Instance, number: signal.Signals) -> None:
        self._systemctl("kill", "--kill-whom=main", f"--signal={number.name}", unit_of(instance))

    def _processes(self) -> dict[str, Process]:
        everyone = instances(self.node)
        output = self._systemctl(
            "show",
            "--property=Id,ActiveState,MainPID,Result,ExecMainStartTimestampMonotonic",
            *(unit_of(instance) for instance in everyone),
        )
        found = {}
        for block in output.strip().split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines())
            name = _instance_of(values["Id"])
            state = _STATES.get(values["ActiveState"], State.FAILED)
            started = int(values["ExecMainStartTimestampMonotonic"]) // 1_000_000
            found[name] = Process(
                state=state,
                pid=int(values["MainPID"]) or None,
                uptime_seconds=max(_uptime() - started, 0) if state is State.RUNNING else None,
                problem=None if values["Result"] in ("success", "") else f"it ended: {values['Result']}",
            )
        return found

    def _enabled(self) -> set[str]:
        wants = _UNITS / f"{_TARGET}.wants"
        names = {path.name for path in wants.iterdir()} if wants.is_dir() else set()
        if (_UNITS / "multi-user.target.wants" / _TARGET).is_symlink():
            names.add(_TARGET)
        return names

    def _systemctl(self, *arguments: str) -> str:
        try:
            return runner.run(["systemctl", *arguments], timeout=180).stdout
        except CommandFailed as error:
            raise SupervisorError(str(error)) from error


def units(node: Node) -> dict[str, str]:
    """The unit files of the box by name."""
    services = enabled(node)
    files = {_TARGET: render("supervise/korobka.target.j2")}
    for service in services:
        files[_file_of(service)] = _unit(node, service)
    return files


def tmpfiles(node: Node) -> str:
    """The folders under /run, which systemd makes at boot before any service starts."""
    lines = (
        f"d {quoting.tmpfiles(folder.path)} {folder.mode:04o} {folder.owner} {folder.group} -"
        for folder in folders.runtime(node.paths)
    )
    return "# Written by the box.\n" + "\n".join(lines) + "\n"


def _unit(node: Node, service: Service) -> str:
    sandbox = service.sandbox(node)
    earlier = [
        unit_of(Instance(other, number))
        for other in enabled(node)
        for number in range(1, other.instances(node) + 1)
        # Services of the same tens start together.
        if other.order // 10 < service.order // 10
    ]
    environment = {
        "LANG": "C.UTF-8",
        processes.SERVICE_MARK: service.name,
        processes.PREFIX_MARK: str(node.paths.prefix),
        **service.environment(node),
    }
    return render(
        "supervise/unit.service.j2",
        service=service,
        is_root=service.user == users.ROOT,
        sandbox=sandbox,
        after=earlier,
        quarantine=quoting.unit_line(quarantine.mark(node.paths)) if service.is_quarantined else "",
        directory=quoting.unit_line(service.directory(node)),
        environment=[quoting.unit_word(f"{name}={value}") for name, value in environment.items()],
        # The instance's number is filled in by systemd, so it must not be escaped.
        command=" ".join(
            quoting.unit_command_word(part).replace("%%i", "%i") for part in service.command(node, "%i")
        ),
        before=" ".join(
            quoting.unit_command_word(part) for part in (str(node.python), "-I", "-S", *service.before(node))
        )
        if service.before(node)
        else "",
        memory_mb=service.memory_mb(node),
        writable=[quoting.unit_word(path) for path in sandbox.writable],
        capabilities=[f"CAP_{name.upper()}" for name in sandbox.capabilities],
        stop_signal=service.stop_signal.name,
        reload_signal=service.reload_signal.name if service.reload_signal else None,
    )


def _for_process(unit: str | None) -> list[str] | None:
    """What of a unit its process is started with. Whom it comes after at boot is no reason to start it anew:
    with each web worker more, all that comes after them would be."""
    if unit is None:
        return None
    return [line for line in unit.splitlines() if not line.startswith("After=")]


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _uptime() -> int:
    return int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]))
