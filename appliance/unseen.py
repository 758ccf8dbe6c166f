"""Becomes a user and runs a program of Python in the same process, which no other of that user looks into.

    python -P unseen.py UID GID PROGRAM [WORD ...]

Who has the same user may read a process's environment and memory (/proc, ptrace(2)), unless the process is
not dumpable (PR_SET_DUMPABLE of prctl(2)). Linux makes it so at the moment in which root becomes somebody
else, and the next program that is executed ends it: so `setpriv` in front of one does not do, and a wish that
the program itself expresses comes too late.
"""

from __future__ import annotations

import os
import pwd
import runpy
import sys
from pathlib import Path

_DUMPABLE = Path("/proc/sys/fs/suid_dumpable")


def main(uid: int, gid: int, *program: str) -> None:
    if _DUMPABLE.read_text(encoding="ascii").strip() == "1":
        sys.exit("fs.suid_dumpable is 1, which shows secrets to others: `sysctl fs.suid_dumpable=0`.")
    os.initgroups(pwd.getpwuid(uid).pw_name, gid)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    sys.argv = [*program]
    runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
