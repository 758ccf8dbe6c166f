"""A stand-in for systemctl, which works under systemd alone, with units in a folder of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.supervise import systemd
from appliance.supervise.systemd import Systemd

TARGET = "korobka.target"


class Killed(BaseException):
    """kill -9 of whoever speaks to systemctl."""


class Systemctl:
    """Knows what starts at boot, in links as systemd does, what runs by which unit, and what it was told."""

    def __init__(self, units: Path) -> None:
        self.units = units
        self.running: dict[str, str] = {}
        """The unit that each was started with."""
        self.told: list[tuple[str, ...]] = []
        self.killed_after: int | None = None
        self._read: dict[str, str] = {}

    def __call__(self, *words: str) -> str:
        if self.killed_after == len(self.told):
            raise Killed
        verb, *names = (word for word in words if not word.startswith("--"))
        self.told.append((verb, *names))
        match verb:
            case "daemon-reload":
                self._reload()
            case "enable":
                for name in names:
                    self._link(name).parent.mkdir(exist_ok=True)
                    self._link(name).symlink_to(self.units / _file_of(name))
                self._reload()
            case "disable":
                for name in names:
                    self._link(name).unlink(missing_ok=True)
            case "start":
                for name in names:
                    self.running.setdefault(name, self._loaded(name))
            case "restart":
                self.running |= {name: self._loaded(name) for name in names}
            case "stop":
                for name in names:
                    self.running.pop(name, None)
            case "show":
                return "\n\n".join(map(self._shown, names))
        return ""

    def told_to(self, verb: str) -> list[str]:
        return [name for told, *names in self.told for name in names if told == verb]

    def _reload(self) -> None:
        self._read = {path.name: path.read_text() for path in self.units.glob("korobka*") if path.is_file()}

    def _link(self, name: str) -> Path:
        wants = "multi-user.target.wants" if name == TARGET else f"{TARGET}.wants"
        return self.units / wants / name

    def _loaded(self, name: str) -> str:
        """Read once, and again when it is told to."""
        file = _file_of(name)
        return self._read.setdefault(file, (self.units / file).read_text())

    def _shown(self, name: str) -> str:
        file = self.units / _file_of(name)
        there = file.read_text() if file.exists() else ""
        needs_reload = self._read.get(file.name, there) != there
        return (
            f"Id={name}\nActiveState={'active' if name in self.running else 'inactive'}\n"
            "MainPID=0\nResult=success\nExecMainStartTimestampMonotonic=0\n"
            f"NeedDaemonReload={'yes' if needs_reload else 'no'}"
        )


def _file_of(unit: str) -> str:
    name, at, _ = unit.partition("@")
    return f"{name}@.service" if at else unit


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Systemctl:
    """Units go into this folder, and nobody's health is asked for."""
    told = Systemctl(folder)
    monkeypatch.setattr(systemd, "_UNITS", folder)
    monkeypatch.setattr(systemd, "_TMPFILES", folder / "tmpfiles.conf")
    monkeypatch.setattr(Systemd, "_systemctl", lambda _, *words: told(*words))
    monkeypatch.setattr(Systemd, "_health", lambda *_: None)
    monkeypatch.setattr(Systemd, "_drain", lambda *_: False)
    return told
