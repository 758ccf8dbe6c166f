"""The README's line on a fresh Debian 13, as somebody types it who has read no further."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

from tests.system import boxes
from tests.system.living import MachineBox
from tests.system.machines import CHECKOUT, Machine
from tests.system.poster import Person

_NOT_SYNCHRONISED = 5
"""TIME_ERROR of adjtimex(2)."""


def is_clock_kept() -> bool:
    """Whether this kernel, which is the machine's too, is told the time by somebody."""
    state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(1024))
    return state != _NOT_SYNCHRONISED


def the_line() -> list[str]:
    """The first command of the README; root needs no sudo."""
    found = re.search(r"^sudo (.*install\.sh.*)$", Path(CHECKOUT / "README.md").read_text(), re.MULTILINE)
    assert found
    return found[1].split()


def test_a_machine_whose_clock_its_host_keeps_installs_without_an_option() -> None:
    """It does not know that its host keeps the clock: it is told how to have it kept, and goes on."""
    line = the_line()
    assert line == ["./install.sh"]
    with Machine("plain", says_container=False) as machine:
        done = machine.run(line, cwd="/src", env=machine.registries, check=False, timeout=1800)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert ("Nothing on this machine keeps its clock right" in said) != is_clock_kept(), said
        assert f"https://{machine.hostname}/" in said
        boxes.wait_until_well(machine)
        # The password that it has printed is good.
        email, password = the_first_administrator(said)
        olga = Person(MachineBox(machine).site)
        olga.sign_in(email, password)


def the_first_administrator(said: str) -> tuple[str, str]:
    email = re.search(r"^\s*Sign in as (\S+)$", said, re.MULTILINE)
    password = re.search(r"^\s*with the password (\S+) \(shown this once\)\.$", said, re.MULTILINE)
    assert email and password, said
    return email[1], password[1]
