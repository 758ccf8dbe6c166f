"""What a test needs of the machine. Where it lacks, the test fails and says what helps: a test that is passed
over looks like one that has passed."""

from __future__ import annotations

import os
import shutil

import pytest

_SYSTEM = "/usr/sbin:/sbin"


def programs(*names: str, cure: str) -> None:
    """These programs, by name or path: `programs("sshd", cure="apt-get install openssh-server")`."""
    places = f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}"
    if missing := [name for name in names if shutil.which(name, path=places) is None]:
        pytest.fail(f"{', '.join(missing)} cannot be found: {cure}", pytrace=False)


def root(why: str) -> None:
    """The tests run as root; else `why` they must."""
    if os.geteuid() != 0:
        pytest.fail(f"{why}: run the tests as root, sudo tests/run.sh", pytrace=False)
