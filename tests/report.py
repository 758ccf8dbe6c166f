"""A pytest plugin: nothing may skip, and every test says how it ended and what it cost.

With KOROBKA_OUTCOMES in the environment the run is written there as JSON, by the process that gathers it:
`{"tests/...::test_x": {"outcome": "passed", "seconds": 1.2, "cpu": 0.8}}`.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.randomness import is_thorough, seed

OUTCOMES = "KOROBKA_OUTCOMES"
FIGURE = "figure: "
"""What a test prints behind it is shown below the results, also where it passes and where workers run it."""


class Meter:
    """Seconds of CPU of this process and of all that it started, services that became daemons among them.

    Those are counted by a control group of the process's own, where it may make one; elsewhere only the
    children that were waited for are.
    """

    _ROOTS = (Path("/sys/fs/cgroup/cpuacct"), Path("/sys/fs/cgroup"))

    def __init__(self) -> None:
        self.group: Path | None = None
        for root in self._ROOTS:
            group = root / f"korobka-tests-{os.getpid()}"
            with suppress(OSError):
                group.mkdir()
                if (group / "cpuacct.usage").exists() or (group / "cpu.stat").exists():
                    (group / "cgroup.procs").write_text(str(os.getpid()))
                    self.group = group
                    return
                group.rmdir()

    def read(self) -> float:
        if self.group is None:
            own, waited = (
                resource.getrusage(resource.RUSAGE_SELF),
                resource.getrusage(resource.RUSAGE_CHILDREN),
            )
            return own.ru_utime + own.ru_stime + waited.ru_utime + waited.ru_stime
        if (usage := self.group / "cpuacct.usage").exists():
            return int(usage.read_text()) / 1e9
        stat = dict(line.split() for line in (self.group / "cpu.stat").read_text().splitlines())
        return int(stat["usage_usec"]) / 1e6

    def close(self) -> None:
        """Leaves the group as it was found: absent. What a test left running keeps it there."""
        if self.group is not None:
            with suppress(OSError):
                (self.group.parent / "cgroup.procs").write_text(str(os.getpid()))
                self.group.rmdir()


@dataclass
class Outcome:
    outcome: str
    """"passed" or "failed"."""
    seconds: float
    cpu: float


class Report:
    def __init__(self, config: pytest.Config) -> None:
        self.is_gathering = not hasattr(config, "workerinput")
        # With workers beside it the gathering process runs no test.
        self.meter = None if self.is_gathering and getattr(config.option, "numprocesses", None) else Meter()
        self.outcomes: dict[str, Outcome] = {}
        self.figures: list[str] = []
        self.begun = 0.0

    def pytest_report_header(self) -> str:
        return f"KOROBKA_SEED={seed()}{', everything' if is_thorough() else ', one of each'}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        if self.meter:
            self.begun = self.meter.read()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            report.outcome = "failed"
            report.longrepr = f"Nothing may skip, this did: {reason}"
        if self.meter and report.when == "teardown":
            report.user_properties.append(("cpu", self.meter.read() - self.begun))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not self.is_gathering:
            return
        if report.when == "call":
            lines = report.capstdout.splitlines()
            self.figures += [one.removeprefix(FIGURE) for one in lines if one.startswith(FIGURE)]
        test = self.outcomes.setdefault(report.nodeid, Outcome("passed", 0, 0))
        test.seconds += report.duration
        test.cpu += sum(float(str(value)) for name, value in report.user_properties if name == "cpu")
        if report.failed:
            test.outcome = "failed"
            if file := os.environ.get(OUTCOMES):
                # A run takes long: what is wrong can be read before its end.
                with Path(file).with_suffix(".failed").open("a", encoding="utf-8") as failed:
                    failed.write(f"== {report.nodeid}, {report.when}\n{report.longreprtext}\n\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.figures:
            terminalreporter.write_line(line)

    def pytest_sessionfinish(self) -> None:
        if self.meter:
            self.meter.close()
        if self.is_gathering and (file := os.environ.get(OUTCOMES)):
            told = {nodeid: asdict(outcome) for nodeid, outcome in self.outcomes.items()}
            Path(file).write_text(json.dumps(told, indent=1), encoding="utf-8")
