"""The files in which SeaweedFS has objects on this machine, opened for whoever may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from appliance import as_owner
from appliance.files import UnsafeWay
from appliance.node import Node
from appliance.services.objects.service import is_store

_NAME = re.compile(r"(?:[a-z0-9.-]+_)?(\d{1,9})\.dat")
_MOST = 400
"""Of a process systemd lets 1,024 be open. Volumes of 4 GiB each."""


@contextmanager
def opened(node: Node) -> Iterator[tuple[tuple[int, int], ...]]:
    """Numbers of volumes and descriptors that can be read from, of the newest ones; none, where the store is
    another one, or elsewhere. What is no file of the store is passed over."""
    with ExitStack() as stack:
        yield tuple(_open(node, stack)) if is_store(node) and node.box.objects.engine == "seaweedfs" else ()


def _open(node: Node, stack: ExitStack) -> Iterator[tuple[int, int]]:
    folder = node.data("objects")
    found = ((int(match[1]), path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))
    for number, path in sorted(found, reverse=True)[:_MOST]:
        # One that goes meanwhile was put together with what it held anew.
        with suppress(FileNotFoundError, UnsafeWay):
            yield number, stack.enter_context(as_owner.reading(path, within=folder)).fileno()
