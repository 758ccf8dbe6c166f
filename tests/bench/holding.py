"""How many connections of one address keep everybody else out, by what they do. Before any limits: 190.

python -m tests.bench.holding [--counts 40,190,600,2900]
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Sequence

from appliance import service_files
from appliance.node import Node
from appliance.services.balancer.runtime import Runtime
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.services.balancer.service import runtime_socket
from appliance.supervise.supervisord import Supervisord
from tests.appliance.boxes import running_box, wait_until
from tests.appliance.holding import OTHER, REQUESTS, held, status_for
from tests.appliance.workers import serving


def fewest(node: Node, request: str, counts: Sequence[int]) -> int | None:
    """None: none of `counts` does."""
    for count in counts:
        with held(node, request, count):
            if status_for(node, OTHER) != 200:
                return count
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="40,190,600,2900")
    counts = [int(one) for one in parser.parse_args().counts.split(",")]
    most = max(counts) + 1000
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (most, max(most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    )
    with running_box("objects") as node:
        service_files.apply(node, only=(BALANCER,))
        Supervisord(node).start("balancer")
        balancer = Runtime(runtime_socket(node))
        with serving(node):
            wait_until(lambda: balancer.servers("web")["web-1"].is_up)
            for kind, request in REQUESTS.items():
                print(f"{kind:26} {fewest(node, request, counts) or f'more than {counts[-1]}'}", flush=True)


if __name__ == "__main__":
    main()
