"""Small blobs in packs: one file of the repository for many, and each of them for itself all the same."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from appliance.services.objects import setup as objects
from backup import blobs, packs
from backup.blob import Blob
from backup.ledger import Ledger, ledger_of
from backup.pack_format import FEWEST, INDEX, SMALL, Entry, Index, made_at
from backup.pack_job import Part
from backup.rclone import PACKS, Vault
from backup.sets import BackupSet
from tests.appliance.boxes import ROOT, query
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, perform, restore, unplugged
from tests.randomness import chosen, is_thorough


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_to_copy(kept: Kept) -> Iterator[None]:
    """What was taken out here would go into one pack with what the next test adds."""
    yield
    catch_up(kept)


def vault_of(kept: Kept) -> Vault:
    return Vault(kept.node, kept.settings, kept.target)


@contextmanager
def ledger(kept: Kept) -> Iterator[Ledger]:
    with ledger_of(kept.node, kept.target) as found:
        yield found


def catch_up(kept: Kept) -> blobs.Caught:
    with ledger(kept) as found:
        return blobs.catch_up(kept.node, vault_of(kept), found, from_start=True)


def learn(kept: Kept) -> None:
    with ledger(kept) as found:
        packs.learn(vault_of(kept), found)


def packed(kept: Kept, keys: list[str]) -> dict[str, list[str]]:
    """The packs in which these lie, by the ledger."""
    with ledger(kept) as found:
        places = found.places(keys)
    return {name: [one.key for one in sorted(there, key=offset)] for name, there in places.items()}


def offset(entry: Entry) -> int:
    return entry.offset


def read(kept: Kept, keys: list[str]) -> set[str]:
    """Those of these that can be read whole."""
    with ledger(kept) as found:
        return packs.hashes(vault_of(kept), found, keys).keys() & {*keys}


def a_pack(kept: Kept, count: int = FEWEST, *, size: int = 3000) -> tuple[str, list[str]]:
    """One that was just made, and what is in it."""
    catch_up(kept)
    keys = kept.add_blobs(count, size=size)
    assert catch_up(kept).copied == count
    ((name, _),) = packed(kept, keys).items()
    return name, keys


def forget_all(kept: Kept) -> None:
    """As on another machine."""
    for file in kept.node.data("backup").glob(f"ledger-{kept.target.number}.db*"):
        file.unlink()


def file_of(kept: Kept, name: str) -> Path:
    """Where a pack or an index lies."""
    done = vault_of(kept)._run("cryptdecode", "--reverse", "vault:", f"{PACKS}/{name}")
    return kept.repository / "vault" / done.stdout.split()[-1]


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def remove_rows(kept: Kept, keys: list[str]) -> None:
    named = ", ".join(f"'{key}'" for key in keys)
    query(kept.node, f"delete from files_blob where key in ({named})")


# --- into packs


def test_many_small_blobs_lie_in_one_pack_and_few_by_themselves(kept: Kept) -> None:
    catch_up(kept)
    few = kept.add_blobs(FEWEST - 1)
    assert catch_up(kept).copied == len(few)
    assert packed(kept, few) == {}
    name, many = a_pack(kept)
    assert packed(kept, many) == {name: many}
    assert {name, name + INDEX} <= vault_of(kept).packs().keys()
    assert vault_of(kept).sizes(many) == {}
    assert read(kept, many + few) == {*many, *few}
    assert catch_up(kept).copied == 0


def test_what_the_store_has_lost_is_missing_and_what_differs_comes_as_it_is(kept: Kept) -> None:
    catch_up(kept)
    lost, differing, *others = kept.add_blobs(FEWEST + 2)
    kept.lose(lost)
    # By its hash it would be found in a volume until that is compacted.
    query(kept.node, f"update files_blob set sha256 = '' where key = '{lost}'")
    query(kept.node, f"update files_blob set size = size + 1 where key = '{differing}'")
    try:
        caught = catch_up(kept)
        assert (caught.copied, caught.missing) == (FEWEST + 1, (lost,))
        assert read(kept, [lost, differing, *others]) == {differing, *others}
        with ledger(kept) as found:
            assert packs.sizes(vault_of(kept), found, [differing]) == {
                differing: len(kept.contents[differing])
            }
    finally:
        query(kept.node, f"update files_blob set size = size - 1 where key = '{differing}'")
        remove_rows(kept, [lost])


def test_what_is_large_after_all_lies_by_itself(kept: Kept) -> None:
    catch_up(kept)
    (large,), others = kept.add_blobs(1, size=1 << 20), kept.add_blobs(FEWEST)
    query(kept.node, f"update files_blob set size = 10 where key = '{large}'")
    assert catch_up(kept).copied == FEWEST + 1
    assert packed(kept, [large]) == {}
    assert read(kept, [large, *others]) == {large, *others}
    query(kept.node, f"update files_blob set size = {len(kept.contents[large])} where key = '{large}'")


def test_what_came_one_by_one_is_packed_together(kept: Kept) -> None:
    catch_up(kept)
    keys = []
    for _ in range(2):
        keys += kept.add_blobs(FEWEST // 2)
        catch_up(kept)
    (large,) = kept.add_blobs(1, size=SMALL)
    catch_up(kept)
    assert packed(kept, keys) == {}
    with ledger(kept) as found, blobs.reading(kept.node) as connection:
        listed = {blob.key: blob for blob in blobs.everything(connection) if blob.key in {*keys, large}}
        packs.gather(vault_of(kept), found, listed, fewest=FEWEST + 1)
        assert vault_of(kept).sizes(keys).keys() == {*keys}
        packs.gather(vault_of(kept), found, listed, fewest=FEWEST)
    ((_, there),) = packed(kept, keys).items()
    assert there == keys
    assert vault_of(kept).sizes([*keys, large]).keys() == {large}
    assert read(kept, [*keys, large]) == {*keys, large}


# --- out of packs


def test_a_box_that_knows_nothing_finds_what_lies_in_packs_and_brings_it_back(kept: Kept) -> None:
    name, keys = a_pack(kept)
    (single,) = kept.add_blobs(1)
    catch_up(kept)
    forget_all(kept)
    for key in (*keys, single):
        kept.lose(key)
    lost = "2026/11/" + "0" * 32
    wanted = [Blob(key, len(kept.contents[key]), "") for key in (*keys, single)]
    count, missing = blobs.bring_back(vault_of(kept), [*wanted, Blob(lost, 7, "")])
    assert (count, [one.key for one in missing]) == (FEWEST + 1, [lost])
    assert {key: kept.stored(key) for key in (*keys, single)} == {
        key: kept.contents[key] for key in (*keys, single)
    }
    assert packed(kept, keys) == {name: keys}
    # Nothing of it is copied once more.
    assert not {*keys, single} & {*catch_up(kept).missing}
    assert packed(kept, keys) == {name: keys}


def test_a_ledger_that_is_begun_anew_packs_nothing_once_more(kept: Kept) -> None:
    name, keys = a_pack(kept)
    forget_all(kept)
    catch_up(kept)
    assert packed(kept, keys) == {name: keys}


def test_a_restore_brings_back_what_lies_in_packs(kept: Kept) -> None:
    _, keys = a_pack(kept)
    made = back_up(kept)
    for key in keys:
        kept.lose(key)
    state = restore(kept, set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert "missing" not in state.progress.text
    assert {key: kept.stored(key) for key in keys} == {key: kept.contents[key] for key in keys}


def documented(language: str) -> list[str]:
    """What the page says, block by block."""
    page = (ROOT / "docs/admin/backup.md").read_text(encoding="utf-8")
    section = page.partition("## Without Korobka")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def test_a_vault_opens_with_public_tools_as_the_page_says(kept: Kept, tmp_path: Path) -> None:
    _, keys = a_pack(kept)
    (single,) = kept.add_blobs(1)
    made = back_up(kept)
    ((program,), (opening, comparing)) = documented("python"), documented("sh")
    (tmp_path / "open.py").write_text(program)
    words = {"/mnt/backup/korobka": str(kept.repository), "LABEL": made.label, "python3": sys.executable}
    for commands, folder in ((opening, tmp_path), (comparing, tmp_path / "opened")):
        script = commands
        for name, value in words.items():
            script = script.replace(name, value)
        done = subprocess.run(
            ["bash", "-euc", script], cwd=folder, input=f"{kept.key}\n", capture_output=True, text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    sums = (tmp_path / "opened/SHA256SUMS").read_text()
    assert all(f"blobs/{key}\n" in sums for key in (*keys, single))
    assert (tmp_path / "opened/blobs" / keys[0]).read_bytes() == kept.contents[keys[0]]


# --- damage


def test_damage_in_a_pack_is_that_of_the_blobs_it_hits_and_is_healed(kept: Kept) -> None:
    """rclone authenticates 64 KiB at a time: what shares them with a wrong bit is damaged with it."""
    name, keys = a_pack(kept, FEWEST * 3)
    made = back_up(kept)
    with ledger(kept) as found:
        victim = found.entries(name)[FEWEST]
    # Behind the header of the file, and of each block: https://rclone.org/crypt/#file-encryption
    at = 32 + victim.offset + 16 * (victim.offset // 65536 + 1) + 10
    pack = file_of(kept, name)
    flip(pack, at)
    try:
        assert_is_healed(kept, made, victim.key, keys)
    finally:
        # What else is in it stays there, and is not for public tools as long as they find a damaged block.
        flip(pack, at)


def assert_is_healed(kept: Kept, made: BackupSet, lost: str, keys: list[str]) -> None:
    whole = read(kept, keys)
    assert lost not in whole
    assert FEWEST < len(whole) < len(keys)
    hit = {*keys} - whole
    kept.lose(lost)
    state = perform(kept, "verify", target="disk", set=made.label, all=True)
    assert state.state == "failed"
    assert "1 of its files are damaged or missing" in state.progress.text
    assert f"{len(hit) - 1} damaged file" in state.progress.text
    assert read(kept, keys) == {*keys} - {lost}
    # The box that is brought back elsewhere finds them, too.
    forget_all(kept)
    learn(kept)
    assert read(kept, keys) == {*keys} - {lost}
    # Once somebody has it again, the sets are whole.
    data = kept.contents[lost]
    objects.client(kept.node).put_object(
        bucket_name=kept.node.box.objects.bucket, object_name=lost, data=io.BytesIO(data), length=len(data)
    )
    state = perform(kept, "verify", target="disk", set=made.label, all=True)
    assert state.state == "done", state.progress.text
    assert "1 damaged file was copied anew" in state.progress.text
    assert read(kept, keys) == {*keys}


def test_a_pack_that_is_gone_costs_nothing_while_the_store_has_its_blobs(kept: Kept) -> None:
    name, keys = a_pack(kept)
    made = back_up(kept)
    file_of(kept, name).unlink()
    state = perform(kept, "verify", target="disk", set=made.label, all=True)
    assert state.state == "done", state.progress.text
    assert f"{FEWEST} damaged files were copied anew" in state.progress.text
    assert name not in packed(kept, keys)
    assert f"{name}{INDEX}" not in vault_of(kept).packs()
    assert read(kept, keys) == {*keys}


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("is_gone", [True, False])
def test_an_index_that_is_lost_or_damaged_is_written_anew(
    kept: Kept, *, is_known: bool, is_gone: bool
) -> None:
    name, keys = a_pack(kept)
    index = file_of(kept, f"{name}{INDEX}")
    if is_gone:
        index.unlink()
    else:
        flip(index, 100)
    if not is_known:
        forget_all(kept)
    learn(kept)
    assert packed(kept, keys) == {name: keys}
    if is_gone or not is_known:
        # By another machine, too.
        forget_all(kept)
        with ledger(kept) as found:
            assert packs._indexes(vault_of(kept), {name}).keys() == {name}
            packs.learn(vault_of(kept), found)
    assert read(kept, keys) == {*keys}


def test_with_the_disk_away_no_pack_is_forgotten(kept: Kept) -> None:
    name, keys = a_pack(kept)
    with unplugged(kept), pytest.raises(Exception, match=r"is the disk mounted|cannot be read"):
        learn(kept)
    assert packed(kept, keys) == {name: keys}


def lie(kept: Kept, name: str, change: Callable[[Index], Index]) -> None:
    """Whoever has the key writes another index, of which this machine has never heard."""
    with ledger(kept) as found:
        lines = "".join(change(found.index_of(name)).lines(name))
    vault_of(kept).write(f"{PACKS}/{name}{INDEX}", lines)
    forget_all(kept)


def test_an_index_that_names_blobs_after_others_puts_no_wrong_bytes_into_the_store(kept: Kept) -> None:
    name, keys = a_pack(kept)

    def turned(index: Index) -> Index:
        names = [index.entries[-1].key, *(one.key for one in index.entries[:-1])]
        return index._replace(
            entries=tuple(one._replace(key=key) for one, key in zip(index.entries, names, strict=True))
        )

    lie(kept, name, turned)
    for key in keys:
        kept.lose(key)
    known = [Blob(key, len(kept.contents[key]), sha256(kept.contents[key]).hexdigest()) for key in keys]
    count, missing = blobs.bring_back(vault_of(kept), known)
    assert (count, {one.key for one in missing}) == (0, {*keys})
    assert {kept.stored(key) for key in keys} == {None}
    # Healed as soon as somebody has them.
    put_again(kept, keys)
    state = perform(kept, "verify", target="disk", set=back_up(kept).label, all=True)
    assert state.state == "done", state.progress.text
    assert read(kept, keys) == {*keys}
    kept.lose(keys[0])
    assert blobs.bring_back(vault_of(kept), known) == (1, [])
    assert kept.stored(keys[0]) == kept.contents[keys[0]]


def test_an_index_that_lies_is_as_good_as_none(kept: Kept) -> None:
    name, keys = a_pack(kept)
    lie(kept, name, lambda index: index._replace(entries=(index.entries[0]._replace(key="../../evil"),)))
    learn(kept)
    assert packed(kept, keys) == {name: keys}
    assert read(kept, keys) == {*keys}
    forget_all(kept)
    learn(kept)
    assert packed(kept, keys) == {name: keys}


def test_an_index_too_large_to_be_one_is_not_fetched(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    name, keys = a_pack(kept)
    forget_all(kept)
    monkeypatch.setattr(packs, "LARGEST_INDEX", 10)
    fetched: list[set[str]] = []

    def fetch(_: Vault, names: set[str]) -> dict[str, Index]:
        fetched.append(names)
        return {}

    monkeypatch.setattr(packs, "_indexes", fetch)
    learn(kept)
    assert fetched == [set()]
    # By reading the pack.
    assert packed(kept, keys) == {name: keys}


def test_a_pack_in_the_place_of_another_is_found_damaged_and_healed(kept: Kept) -> None:
    """What lies at a target can be renamed without any key."""
    (one, first), (other, second) = a_pack(kept), a_pack(kept, FEWEST + 1)
    made = back_up(kept)
    here, there = file_of(kept, one), file_of(kept, other)
    aside = here.with_name("aside")
    for source, to in ((here, aside), (there, here), (aside, there)):
        source.rename(to)
    assert read(kept, first + second) == set()
    for key in (*first[:2], *second[:2]):
        kept.lose(key)
    wanted = [Blob(key, len(kept.contents[key]), "") for key in (*first[:2], *second[:2])]
    count, missing = blobs.bring_back(vault_of(kept), wanted)
    assert (count, len(missing)) == (0, 4)
    put_again(kept, [*first[:2], *second[:2]])
    state = perform(kept, "verify", target="disk", set=made.label, all=True)
    assert state.state == "done", state.progress.text
    assert read(kept, first + second) == {*first, *second}


def put_again(kept: Kept, keys: list[str]) -> None:
    for key in keys:
        data = kept.contents[key]
        objects.client(kept.node).put_object(
            bucket_name=kept.node.box.objects.bucket, object_name=key, data=io.BytesIO(data), length=len(data)
        )


# --- what goes


def test_what_goes_leaves_holes_and_a_pack_with_more_holes_than_blobs_is_packed_anew(kept: Kept) -> None:
    with ledger(kept) as found, found.alone():
        # So that there are not many small ones, which are put together.
        packs.compact(vault_of(kept), found)
    name, keys = a_pack(kept, FEWEST * 2)
    going, staying = keys[:FEWEST], keys[FEWEST:]

    def forget(some: list[str]) -> None:
        with ledger(kept) as found, found.alone():
            packs.forget(vault_of(kept), found, some)

    forget(going[:2])
    assert packed(kept, keys) == {name: keys[2:]}
    forget(going[2:])
    ((anew, there),) = packed(kept, keys).items()
    assert (anew != name, there) == (True, staying)
    assert not {name, f"{name}{INDEX}"} & vault_of(kept).packs().keys()
    assert read(kept, keys) == {*staying}
    forget(staying)
    assert packed(kept, keys) == {}
    assert not {anew, f"{anew}{INDEX}"} & vault_of(kept).packs().keys()
    # What the portal still has is copied again where it is needed.
    assert catch_up(kept).copied == len(keys)


def test_retention_takes_what_no_set_names_out_of_packs(kept: Kept) -> None:
    name, keys = a_pack(kept)
    going, staying = keys[: FEWEST - 5], keys[FEWEST - 5 :]
    with ledger(kept) as found, found.alone():
        long_ago = datetime.now(UTC) - timedelta(days=999)
        found._db.execute("update blobs set copied_at = ?", (long_ago.isoformat(),))
        assert {*going} <= {key for key, at in found.copied().items() if at == long_ago}
        packs.forget(vault_of(kept), found, going)
        # Those that were moved are as old as before.
        assert {found.copied()[key] for key in staying} == {long_ago}
    assert name not in packed(kept, keys)
    assert read(kept, keys) == {*staying}


# --- kills

KILLED = """
import os, signal, subprocess, sys
left, start = int(sys.argv[1]), subprocess.Popen._execute_child
def started(self, *args, **kwargs):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    start(self, *args, **kwargs)
subprocess.Popen._execute_child = started
from appliance.node import Node
from appliance.paths import Paths
from backup import blobs, packs, settings
from backup.ledger import ledger_of
from backup.rclone import Vault
node = Node.load(Paths.from_environment())
chosen = settings.load(node.paths)
target = chosen.target("disk")
vault = Vault(node, chosen, target)
with ledger_of(node, target) as ledger:
    packs.learn(vault, ledger)
    blobs.catch_up(node, vault, ledger, from_start=True)
    if len(sys.argv) > 2:
        with ledger.alone():
            packs.forget(vault, ledger, sys.argv[2:])
"""


def killed_at(kept: Kept, number: int, *going: str) -> bool:
    """Whether who copies, and takes these out, was killed before its program of this number, from 1."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, str(number), *going],
        env={"KOROBKA_PREFIX": str(kept.node.paths.prefix), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        cwd="/",
        check=False,
    )
    assert done.returncode in (0, -9)
    return done.returncode == -9


def test_killed_before_any_of_its_programs_who_packs_loses_nothing(kept: Kept) -> None:
    _, old = a_pack(kept, FEWEST + 1)
    going, staying = old[:-1], old[-1:]
    new = kept.add_blobs(FEWEST)
    remove_rows(kept, going)
    numbers = range(1, 30)
    for number in numbers if is_thorough() else [*chosen("program", range(1, 15)), 99]:
        was_killed = killed_at(kept, number, *going)
        assert read(kept, staying) == {*staying}
        if not was_killed:
            break
    else:
        raise AssertionError("it never came to its end")
    assert read(kept, new) == {*new}
    assert packed(kept, going) == {}
    # Nothing is there that nothing knows, and nothing is known that is not there.
    there = {name for name in vault_of(kept).packs() if made_at(name.removesuffix(INDEX))}
    with ledger(kept) as found:
        known = {one.name for one in found.packs()}
        assert there == known | {f"{name}{INDEX}" for name in known}
        assert all(one.live for one in found.packs())
    forget_all(kept)
    learn(kept)
    assert read(kept, [*new, *staying]) == {*new, *staying}


BETWEEN = """
import os, signal, sys
left = int(sys.argv[1])
from backup import ledger
def told(statement):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
made = ledger.Ledger.__init__
def begun(self, *args):
    made(self, *args)
    self._db.set_trace_callback(told)
ledger.Ledger.__init__ = begun
from appliance.node import Node
from appliance.paths import Paths
from backup import packs, settings
from backup.rclone import Vault
node = Node.load(Paths.from_environment())
chosen = settings.load(node.paths)
target = chosen.target("disk")
with ledger.ledger_of(node, target) as found:
    packs.learn(Vault(node, chosen, target), found)
"""


def test_killed_before_any_statement_of_the_ledger_who_learns_forgets_nothing(kept: Kept) -> None:
    """One pack has gone, and one is new to this machine: either is known as a whole or not at all."""
    statements = range(1, 90)
    some = statements if is_thorough() else sorted({*chosen("statement", range(1, 25)), 89})
    for number in some:
        name, keys = a_pack(kept, FEWEST)
        new, others = a_pack(kept, FEWEST + 1)
        with ledger(kept) as found:
            found.forget_pack(new)
            assert found.unknown([*keys, *others]) == others
        gone, index = file_of(kept, name), file_of(kept, f"{name}{INDEX}")
        gone.unlink()
        index.unlink()
        done = subprocess.run(
            [sys.executable, "-P", "-c", BETWEEN, str(number)],
            env={
                "KOROBKA_PREFIX": str(kept.node.paths.prefix),
                "PYTHONPATH": str(ROOT),
                "PATH": "/usr/bin:/bin",
            },
            cwd="/",
            check=False,
        )  # fmt: skip
        assert done.returncode in (0, -9)
        with ledger(kept) as found:
            known = {one.name: one.live for one in found.packs()}
            # No blob is known without its pack, nor a pack without its blobs.
            assert len(found.unknown(keys)) == (0 if name in known else len(keys))
            assert len(found.unknown(others)) == (0 if new in known else len(others))
            assert (new in known) == bool(known.get(new))
        learn(kept)
        assert packed(kept, keys) == {}
        assert packed(kept, others) == {new: others}
        assert catch_up(kept).copied == len(keys)
        assert read(kept, [*keys, *others]) == {*keys, *others}
        if done.returncode == 0:
            break
    else:
        raise AssertionError("it never came to its end")


def test_half_a_pack_goes_and_a_whole_one_without_its_index_stays(kept: Kept) -> None:
    catch_up(kept)
    keys = kept.add_blobs(FEWEST)
    whole, half = "20261128T000000Z-00000001.tar", "20261128T000000Z-00000002.tar"
    vault = vault_of(kept)
    for _ in vault.engine([Part("pack", whole, blobs=[(key, "") for key in keys])]):
        pass
    with packs.known(vault), ledger(kept) as found:
        # Whoever only reads knows it from now on, and changes nothing.
        assert whole in {one.name for one in found.packs()}
        assert f"{whole}{INDEX}" not in vault.packs()
    vault.write(f"{PACKS}/{half}", "no tar at all")
    learn(kept)
    assert {whole, f"{whole}{INDEX}"} <= vault.packs().keys()
    assert half not in vault.packs()
    assert catch_up(kept).copied == 0
    assert packed(kept, keys) == {whole: keys}
    assert read(kept, keys) == {*keys}
