"""Programs are run with list arguments, by whom they belong to, and secrets are seen by nobody else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance import runner, users
from appliance.runner import CommandFailed, Standstill, StoodStill, run, stream
from tests.appliance.boxes import ROOT, wait_until


@pytest.fixture
def nobody() -> users.Account:
    return users.Account("nobody", 65534, 65534)


def test_an_argument_is_one_argument() -> None:
    code = "import sys; print(sys.argv[1:])"
    assert run([sys.executable, "-c", code, "a b; echo $HOME"]).stdout.strip() == "['a b; echo $HOME']"


def test_a_failure_tells_what_was_run_and_what_it_said() -> None:
    with pytest.raises(CommandFailed, match=r"ended with code 2\.\n.*No such file") as caught:
        run(["ls", "/nowhere"])
    assert caught.value.completed.code == 2


def test_a_secret_reaches_the_program_and_no_message() -> None:
    code = "import os, sys; print(len(os.environ['TOKEN'])); sys.exit(3)"
    with pytest.raises(CommandFailed) as caught:
        run([sys.executable, "-c", code], secrets={"TOKEN": "hidden"})
    assert "6" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_standard_input_is_given_and_never_the_callers() -> None:
    assert run(["cat"], stdin="words").stdout == "words"
    assert run(["cat"]).stdout == ""


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(TimeoutError, match="did not end within"):
        run(["sleep", "60"], timeout=0.2)


def test_a_program_in_which_nothing_moves_is_ended() -> None:
    with pytest.raises(StoodStill, match="Nothing has moved in `sh` for"):
        # What it has started holds its output open: that is ended too.
        list(stream(["sh", "-c", "echo begun; sleep 60; echo done"], standstill=Standstill(0.5)))


class Looks:
    """The time by which a program stands still: it passes when a test says so, and at no other."""

    def __init__(self) -> None:
        self.now, self._count = 0.0, 0

    def monotonic(self) -> float:
        self._count += 1
        return self.now

    def were_taken(self) -> None:
        """Wait until whoever watches has looked twice: once may have been just before."""
        before = self._count
        wait_until(lambda: self._count >= before + 2)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    looks = Looks()
    monkeypatch.setattr(runner, "time", looks)
    return looks


@pytest.mark.parametrize("act", ["print('still here', flush=True)", "os.write(nowhere, bytes(100_000))"])
def test_who_speaks_or_writes_is_not_ended(act: str, looks: Looks, tmp_path: Path) -> None:
    asked, acted = tmp_path / "asked", tmp_path / "acted"
    os.mkfifo(asked)
    acted.touch()
    code = (
        "import os; nowhere = os.open('/dev/null', os.O_WRONLY)\n"
        f"for _ in open({str(asked)!r}):\n    {act}\n    open({str(acted)!r}, 'a').write('!')"
    )

    def ask() -> None:
        with asked.open("w", buffering=1) as line:
            for times in range(1, 9):
                looks.now += 2
                line.write("again\n")
                wait_until(lambda times=times: acted.stat().st_size == times)  # type: ignore[misc]
                looks.were_taken()

    with ThreadPoolExecutor(1) as asking:
        done = asking.submit(ask)
        said = list(stream([sys.executable, "-u", "-c", code], standstill=Standstill(3)))
        done.result()
    assert len(said) == (8 if "print" in act else 0)


@pytest.mark.parametrize("moving", [0, 15])
def test_who_speaks_and_writes_while_it_waits_is_ended_once_its_words_say_that_nothing_moves(
    moving: int, looks: Looks
) -> None:
    code = (
        "import os, time; nowhere = os.open('/dev/null', os.O_WRONLY)\n"
        "for count in range(300): print(count, flush=True); os.write(nowhere, bytes(100000)); time.sleep(.05)"
    )
    found: list[str] = []
    standstill = Standstill(1, is_word=lambda line: int(line) < moving)
    with pytest.raises(StoodStill):
        for line in stream([sys.executable, "-c", code], standstill=standstill):
            found.append(line)
            looks.now += 0.2
    assert moving <= len(found) < 300


def test_after_some_words_it_may_take_longer(looks: Looks, tmp_path: Path) -> None:
    standstill = Standstill(0.5, after={"waiting": 30})
    go_on = tmp_path / "go on"
    os.mkfifo(go_on)
    words = 'echo waiting for it; cat "$0"; sleep 60'
    found = []
    with pytest.raises(StoodStill, match=r"for 0\.5 s"):
        for line in stream(["sh", "-c", words, go_on], standstill=standstill):
            found.append(line)
            if line == "waiting for it":
                looks.now += 20
                looks.were_taken()
                go_on.write_text("on\n")
            else:
                looks.now += 1
    assert found == ["waiting for it", "on"]


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandFailed, match="no-such-program was not found"):
        run(["no-such-program"])


@pytest.mark.usefixtures("as_root")
def test_another_user_has_their_rights_and_nothing_of_roots_environment(
    nobody: users.Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_ROOT", "private")
    assert run(["id", "-u"], user=nobody).stdout.strip() == "65534"
    assert run(["id", "-G"], user=nobody).stdout.split() == ["65534"]
    environment = run(["env"], user=nobody, secrets={"PGPASSWORD": "x"}).stdout
    assert "OF_ROOT" not in environment
    assert "PGPASSWORD=x" in environment
    assert "CapEff:\t0000000000000000" in run(["cat", "/proc/self/status"], user=nobody).stdout


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("is_unseen", [True, False])
def test_one_that_is_unseen_is_the_users_and_tells_its_other_processes_nothing(
    nobody: users.Account, *, is_unseen: bool
) -> None:
    with tempfile.TemporaryDirectory(prefix="korobka-") as folder:
        program = Path(folder) / "program.py"
        program.write_text(
            "import os, subprocess, sys\n"
            "print(*sys.argv[1:], os.environ.pop('WORD'))\n"
            "print(*os.getresuid(), *os.getresgid(), *os.getgroups())\n"
            "print('CapPrm:\t0000000000000000' in open('/proc/self/status').read())\n"
            "look = f'cat /proc/{os.getpid()}/environ'\n"
            "print('secret' in subprocess.run(look.split(), capture_output=True, text=True).stdout)\n"
        )
        Path(folder).chmod(0o755)
        command = [sys.executable, "-P", str(program), "said"]
        done = run(command, user=nobody, is_unseen=is_unseen, secrets={"WORD": "secret"})
    assert done.stdout.splitlines() == [
        "said secret",
        " ".join(["65534"] * 7),
        "True",
        str(not is_unseen),
    ]


@pytest.mark.usefixtures("as_root")
def test_a_service_does_not_see_the_terminal_at_which_root_sits() -> None:
    """Whoever has its user over would have the program as well (ptrace(2)), and type there as root."""
    sees_none = ["sh", "-c", "! (: < /dev/tty) 2> /dev/null"]
    program = (
        "from pathlib import Path\n"
        "from appliance import runner, users\n"
        f"nobody, look = users.Account('nobody', 65534, 65534), {sees_none}\n"
        "print(runner.run(look, check=False).code)\n"
        "runner.run(look, user=nobody)\n"
        "list(runner.stream(look, user=nobody))\n"
        "for ends in ((look, ['cat']), (['true'], look)):\n"
        "    runner.piped(*((words, nobody, {}) for words in ends), cwd=Path('/'))\n"
    )
    ours, theirs = pty.openpty()
    try:
        done = run_on(theirs, [sys.executable, "-P", "-c", program])
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.stdout, done.stderr) == ("1\n", "")


def run_on(terminal: int, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program that has a terminal."""
    return subprocess.run(
        ["setsid", "--wait", "--ctty", *command],
        stdin=terminal, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
