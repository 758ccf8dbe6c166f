"""Makes a PDF of one page, alone in a process with little to take.

    python -I renderer.py < page.html > page.pdf

A paper holds what clients and employees have written, and a library that lays it out meets anything. So it
fetches nothing, from no address and no file, and whatever it takes ends with it.

A program of its own, which imports nothing of the portal: `box.lib.pdf` runs it.
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys

MEMORY = 1024 * 2**20
CPU_SECONDS = 30


def main() -> None:
    _take_little()
    # 0.4 s to import.
    from weasyprint import HTML
    from weasyprint.urls import URLFetcher

    page = sys.stdin.buffer.read().decode()
    # What stands in the page itself, and nothing else: no file, no address.
    fetcher = URLFetcher(allowed_protocols=["data"], allow_redirects=False)
    sys.stdout.buffer.write(HTML(string=page, url_fetcher=fetcher).write_pdf())
    sys.stdout.buffer.flush()


def _take_little() -> None:
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.prlimit(0, limit, (most, most))
    # One page at a time on this machine, whichever service it is for. The process lets go when it ends.
    fcntl.flock(os.open(__file__, os.O_RDONLY), fcntl.LOCK_EX)


if __name__ == "__main__":
    main()
