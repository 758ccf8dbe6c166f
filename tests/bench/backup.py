"""Backup and restore beside what a shell does: pg_dump, tar, zstd and openssl, on the same disk in one run.

    python -m tests.bench.backup [--database 500] [--files 4000] [--size 200000] [--rounds 3]

Both sides begin with the same database and the same objects and end with everything encrypted in a folder.
The shell copies the store's own folder; the backup reads every object through S3, as it must from any engine.
`--files-only` measures the files alone, in seconds of CPU of all that works on them, the store too: those say
something on a busy machine as well. Beside them stands what it costs to copy each file by itself.

Nobody uses the portal meanwhile, but in the last part: the feed page during a full backup, files and all,
beside the same page at rest; `--posts 0` leaves that out.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import psutil
from minio.deleteobjects import DeleteObject

from appliance.agent import operations
from appliance.node import Node
from appliance.services.database.names import BIN
from appliance.services.objects import setup as objects
from appliance.services.web.service import socket_path
from appliance.supervise import supervisor_for
from backup import blobs, packs, recall, settings, setup
from backup.ledger import ledger_of
from backup.portal import manage
from backup.rclone import Vault
from backup.settings import Target
from tests.appliance.boxes import query, running_box
from tests.bench.load import steady
from tests.bench.portal import FACTS

MIB = 2**20
ROW_SIZE = 8000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", type=int, default=500, help="MiB of rows (default 500)")
    parser.add_argument("--files", type=int, default=4000, help="objects in the store (default 4000)")
    parser.add_argument("--size", type=int, default=200_000, help="bytes of each (default 200000)")
    parser.add_argument("--files-only", action="store_true", help="CPU of copying files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4, help="to the portal, in its part (default 4)")
    parser.add_argument("--posts", type=int, default=20_000, help="of the portal's company (default 20000)")
    given = parser.parse_args()
    with scratch() as folder, running_box("database", "objects", "cache") as node:
        os.environ["KOROBKA_PREFIX"] = str(node.paths.prefix)
        fill(node, given)
        target = folder / "target"
        target.mkdir(mode=0o755)
        chosen, _ = setup.begin()
        setup.add_target(node, chosen, Target(1, "disk", "folder", str(target)), lambda _: None)
        supervisor_for(node).stop("backup")
        if given.files_only:
            report_files(node, folder, target, given)
            return
        report(node, folder, target, given)
        if given.posts:
            report_portal(node, target, given)


def report(node: Node, folder: Path, target: Path, given: argparse.Namespace) -> None:
    shell = [seconds(lambda: shell_backup(node, folder / "shell")) for _ in range(given.rounds)]
    memory: list[int] = []
    full, changed, added = [], [], []
    for number in range(given.rounds):
        if number:
            # The files are copied once for good: to measure a full copy again, the repository begins anew.
            forget_files(node, target)
        full.append(seconds(lambda: back_up(node, "full", memory)))
        before = size_of(target)
        query(node, "update bench set text = repeat(md5(random()::text), 250) where id % 100 = 0")
        add_files(node, max(given.files // 100, 1), given.size)
        changed.append(seconds(lambda: back_up(node, "incr", memory)))
        added.append(size_of(target) - before)
    whole = size_of(target)
    early = [opened_early(node) for _ in range(given.rounds)]
    back = [seconds(lambda: restore(node)) for _ in range(given.rounds)]
    shell_back = [seconds(lambda: shell_restore(node, folder / "shell")) for _ in range(given.rounds)]
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    say("full backup", full, "pg_dump -j2, tar | zstd | openssl", shell)
    say("after 1 % changed", changed, "a full one", full)
    print(f"bytes added after 1 % changed: {statistics.median(added) / MIB:.0f} of {whole / MIB:.0f} MiB")
    opened, all_there = (statistics.median(column) for column in zip(*early, strict=True))
    print(
        f"restore into an empty store: {opened:.1f} s to sign-in of {all_there:.1f} s to the last file; "
        f"ratio {opened / all_there:.2f} (target 0.5)"
    )
    say("restore in place", back, "pg_restore -j2, openssl | zstd | tar", shell_back)
    print(f"most memory of a backup with its engines: {max(memory)} MiB (target 500)")


def report_files(node: Node, folder: Path, target: Path, given: argparse.Namespace) -> None:
    vault = Vault(node, settings.load(node.paths), settings.load(node.paths).target("disk"))
    own = folder / "shell"
    own.mkdir(mode=0o777)
    store, encrypt = node.data("objects"), "openssl enc -aes-256-cbc -pbkdf2 -pass env:KEY"
    costs: dict[str, list[float]] = {}

    def measure(what: str, act: Callable[[], object]) -> None:
        costs.setdefault(what, []).append(cpu(node, act))

    def copy() -> None:
        with ledger_of(node, vault.target) as ledger:
            packs.learn(vault, ledger)
            blobs.catch_up(node, vault, ledger, from_start=True)

    def bring_back() -> None:
        with blobs.reading(node) as connection:
            assert not blobs.bring_back(vault, blobs.everything(connection))[1]

    for number in range(given.rounds):
        if number:
            forget_files(node, target)
        measure("shell: tar, zstd, openssl", lambda: run(
            node, f"tar -C {store} -cf - . | zstd -q -1 -T2 | {encrypt} -out {own}/store.enc"
        ))  # fmt: skip
        measure("packs: first copy", copy)
        measure("packs: nothing new", copy)
        before = size_of(target)
        add_files(node, max(given.files // 100, 1), given.size)
        measure("packs: after 1 % more", copy)
        added = size_of(target) - before
        measure("packs: all is there", bring_back)
        empty_store(node)
        measure("packs: brought back", bring_back)
        (own / "back").mkdir()
        measure("shell: openssl, zstd, tar", lambda: run(
            node, f"{encrypt} -d -in {own}/store.enc | zstd -q -d | tar -C {own}/back -xf -"
        ))  # fmt: skip
        shutil.rmtree(own / "back")
        forget_files(node, target)
        with patch.object(packs, "grouped", return_value=[]):
            measure("each by itself: first copy", copy)
            add_files(node, max(given.files // 100, 1), given.size)
            measure("each by itself: after 1 % more", copy)
            empty_store(node)
            measure("each by itself: brought back", bring_back)
    print(f"load average {os.getloadavg()[0]:.1f}; {given.files} files of {given.size} bytes")
    for what, spent in costs.items():
        print(f"{what}: {statistics.median(spent):.1f} s of CPU")
    print(f"bytes added after 1 % more: {added / size_of(target):.1%}")


def cpu(node: Node, act: Callable[[], object]) -> float:
    """Seconds of CPU of this process, of all that it starts, and of the store and the database."""
    statuses = supervisor_for(node).status("objects", "database", with_health=False)
    servers = [psutil.Process(status.pid) for status in statuses if status.pid]

    def spent() -> float:
        family = [one for server in servers for one in (server, *server.children(recursive=True))]
        times = [one.cpu_times() for one in family if one.is_running()]
        own = os.times()
        return sum(own[:4]) + sum(one.user + one.system for one in times)

    before = spent()
    act()
    return spent() - before


def empty_store(node: Node) -> None:
    store = objects.client(node)
    found = store.list_objects(bucket_name=node.box.objects.bucket, recursive=True)
    listed = [DeleteObject(str(one.object_name)) for one in found]
    assert not [*store.remove_objects(bucket_name=node.box.objects.bucket, delete_object_list=listed)]


def report_portal(node: Node, target: Path, given: argparse.Namespace) -> None:
    """The feed page's p95 while a full backup is made, beside that at rest; rounds of both alternate."""
    supervisor_for(node).start("web")
    cookie = str(json.loads(manage(node, "shell", "-v", "0", stdin=FACTS).stdout)["employee"])

    def visit(seconds: float) -> list[float]:
        waits = steady(socket_path(node, 1), "/feed/", cookie, connections=given.connections, seconds=seconds)
        return [wait for _, wait in waits]

    visit(3)
    rest, during, took = [], [], []
    for _ in range(given.rounds):
        rest.append(p95(visit(15)))
        forget_files(node, target)
        waits: list[float] = []
        with ThreadPoolExecutor(1) as thread:
            made = thread.submit(seconds, lambda: back_up(node, "full", []))
            while not made.done():
                waits += visit(1)
        took.append(made.result())
        during.append(p95(waits))
    at_rest, meanwhile = statistics.median(rest), statistics.median(during)
    print(
        f"p95 of the feed page with {given.connections} connections during a full backup of "
        f"{statistics.median(took):.0f} s: {meanwhile * 1000:.0f} ms; at rest: {at_rest * 1000:.0f} ms; "
        f"ratio {meanwhile / at_rest:.2f} (target 1.5)"
    )


def p95(waits: list[float]) -> float:
    return statistics.quantiles(waits, n=20)[-1]


def say(what: str, ours: list[float], beside: str, theirs: list[float]) -> None:
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(f"{what}: {mine:.1f} s; {beside}: {other:.1f} s; ratio {mine / other:.2f}")


@contextmanager
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="korobka-bench-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def seconds(act: Callable[[], object]) -> float:
    begun = time.monotonic()
    act()
    return time.monotonic() - begun


def fill(node: Node, given: argparse.Namespace) -> None:
    manage(node, "migrate", "--noinput", as_owner=True)
    if given.posts:
        manage(node, "demo", "--employees", "1000", "--posts", str(given.posts))
    rows = given.database * MIB // ROW_SIZE
    query(
        node,
        "create table bench (id int primary key, text text);"
        " alter table bench alter text set storage external;"
        f" insert into bench select n, repeat(md5(random()::text), {ROW_SIZE // 32})"
        f" from generate_series(1, {rows}) n; vacuum bench; checkpoint;",
    )
    add_files(node, given.files, given.size)


def add_files(node: Node, count: int, size: int) -> None:
    store = objects.client(node)

    def add(_: int) -> str:
        key, data = f"2026/11/{uuid4().hex}", os.urandom(size)
        store.put_object(
            bucket_name=node.box.objects.bucket, object_name=key, data=io.BytesIO(data), length=len(data)
        )
        return f"('{key}', {len(data)}, now(), '{hashlib.sha256(data).hexdigest()}', '', 0)"

    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(add, range(count)))
    columns = "key, size, created_at, sha256, content_type, picture_attempts"
    query(node, f"insert into files_blob ({columns}) values {', '.join(rows)}")


def back_up(node: Node, kind: str, memory: list[int]) -> None:
    perform(node, "backup", {"kind": kind, "targets": ["disk"]}, memory)


def restore(node: Node) -> None:
    arguments = {"target": "disk", "set": "", "moment": "", "with_safety": False}
    perform(node, "restore", arguments, [])


def opened_early(node: Node) -> tuple[float, float]:
    """Seconds until the portal opens, and until its last file is there, from a store that has none."""
    empty_store(node)
    supervisor_for(node).start("backup")
    begun = time.monotonic()
    restore(node)
    opened = time.monotonic() - begun
    while recall.under_way(node):
        time.sleep(0.5)
    all_there = time.monotonic() - begun
    supervisor_for(node).stop("backup")
    for journal in operations.unfinished(node.paths):
        # The full backup that a restore asks for.
        while journal.state().state == "running":
            time.sleep(0.5)
    return opened, all_there


def perform(node: Node, kind: str, arguments: dict[str, object], memory: list[int]) -> None:
    journal = operations.begin(node.paths, kind, arguments, by="the bench")
    while journal.state().state == "running":
        memory.append(memory_of(str(journal.path)))
        time.sleep(0.2)
    state = journal.state()
    assert state.state == "done", state.progress.text
    while journal.is_performed():
        time.sleep(0.05)


def memory_of(journal: str) -> int:
    """MiB of the operation's process and of all that it started."""
    total = 0
    for process in psutil.process_iter():
        try:
            if process.environ().get(operations.JOURNAL_VARIABLE) != journal:
                continue
            for one in (process, *process.children(recursive=True)):
                total += one.memory_full_info().pss
        except psutil.Error:
            continue
        break
    return total // MIB


def forget_files(node: Node, target: Path) -> None:
    shutil.rmtree(target / "korobka/vault")
    for path in node.data("backup").glob("ledger-*"):
        path.unlink()
    shutil.rmtree(node.data("backup") / "sets/1", ignore_errors=True)


def shell_backup(node: Node, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    dump, store = folder / "dump", node.data("objects")
    run(node, f"{BIN}/pg_dump -Fd -j2 -f {dump} {connection(node)} korobka")
    encrypt = "openssl enc -aes-256-cbc -pbkdf2 -pass env:KEY"
    run(node, f"tar -C {folder} -cf - dump | zstd -q -1 -T2 | {encrypt} -out {folder}/dump.enc")
    run(node, f"tar -C {store} -cf - . | zstd -q -1 -T2 | {encrypt} -out {folder}/store.enc")
    shutil.rmtree(dump)


def shell_restore(node: Node, folder: Path) -> None:
    back = folder / "back"
    shutil.rmtree(back, ignore_errors=True)
    back.mkdir()
    decrypt = "openssl enc -d -aes-256-cbc -pbkdf2 -pass env:KEY"
    for name in ("dump", "store"):
        run(node, f"{decrypt} -in {folder}/{name}.enc | zstd -q -d | tar -C {back} -xf -")
    query(node, "drop database if exists again", database="postgres")
    query(node, "create database again", database="postgres")
    run(node, f"{BIN}/pg_restore -j2 -d again {connection(node)} {back}/dump")


def connection(node: Node) -> str:
    return f"-h {node.run('database')} -p {node.box.database.port} -U postgres"


def run(node: Node, command: str) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-ec", command], env={**os.environ, "KEY": "bench"}, check=True)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
