"""`make bench`: every part, one after the other. Each runs alone too: `python -m tests.bench.portal --help`.

python -m tests.bench [PART ...]
"""

from __future__ import annotations

import argparse
import subprocess
import sys

PARTS = {
    "portal": "pages of the portal beside the ceiling page",
    "company": "pages of a large company beside a tenth of it, and a post to all",
    "work": "tasks and the calendar of a large company beside a tenth of it",
    "crm": "the CRM of a large company beside a tenth of it, and an import of 50,000 rows",
    "cpu": "processor time of lists, boards, cards and a comment, in one process",
    "outbox": "words in conversations at the rate of a chat",
    "push": "the push service beside a bare one",
    "directory": "an import of 10,000 people, from two kinds of directory, beside a loop",
    "backup": "backup and restore beside pg_dump, tar, zstd and openssl",
    "price": "what a page and a write cost a whole box, by service",
    "calls": "from a telephone's ring to the client's card in a browser",
    "move": "a large portal that moves in: rate, memory, and the portal's p95 meanwhile",
    "cluster": "a portal of one, two and three nodes on the same cores beside a single box",
    "box": "files through a whole box beside its store alone, and its memory",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    # A choice per word, which argparse cannot check together with "none at all".
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    wanted = parser.parse_args().parts or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: there is no such part, only {', '.join(PARTS)}")
    failed = []
    for part in wanted:
        sys.stdout.write(f"\n== {part}: {PARTS[part]}\n")
        sys.stdout.flush()
        if subprocess.run([sys.executable, "-m", f"tests.bench.{part}"], check=False).returncode:
            failed.append(part)
    if failed:
        sys.stderr.write(f"These parts failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
