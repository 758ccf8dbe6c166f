"""What the agent wants to be shown before the portal sends backups elsewhere, hands out keys, or restores."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.agent import proofs
from appliance.agent.codec import encode
from appliance.agent.operations_log import Asker
from appliance.agent.proofs import ProofsShut, Unproven, proven
from appliance.agent.protocol import (
    OPERATIONS,
    AddBackupTarget,
    AddKeyHolder,
    BeginBackup,
    BeginRestore,
    Operation,
    RemoveBackupTarget,
    RemoveKeyHolder,
    Request,
    RotateKeys,
)
from appliance.paths import Paths

OLGA, ROOT = Asker("olga", "console", 990, 1), Asker("root", "root", 0, 1)
FOLDER = AddBackupTarget("folder", "/mnt/backup")
ELSEWHERE = AddBackupTarget("s3", "korobka", "https://s3.example.org", "theirs", access_key="A")
GUARDED: tuple[Operation[Any], ...] = (
    FOLDER, ELSEWHERE, AddKeyHolder("boris"), RotateKeys("boris"), BeginRestore("disk"),
    RemoveBackupTarget("disk"), RemoveKeyHolder("boris"),
)  # fmt: skip
WORDS: dict[tuple[int, ...], str] = {(3, 6): "ABCDEFGHJK", (1, 8): "01234PQRST", (4, 5): "VWXYZ56789"}


class Torn(Exception):
    """What was asked for comes to nothing."""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path)
    for folder in (found.operations, found.backup, found.log):
        folder.mkdir(parents=True)
    return found


@pytest.fixture
def set_up(paths: Paths) -> Paths:
    """Anna and boris hold keys; of anna's, words prove something."""
    write_holders(paths, {"a1": "anna", "b1": "boris"})
    proofs.admit(paths, "a1", WORDS)
    return paths


def write_holders(paths: Paths, holders: dict[str, str]) -> None:
    named = [{"id": key, "name": name} for key, name in holders.items()]
    (paths.backup / "backup.json").write_text(json.dumps({"targets": [], "holders": named}))


def is_proven(
    paths: Paths, operation: Operation[Any], proof: str, *, by: Asker = OLGA, fails: bool = False
) -> bool:
    try:
        with proven(paths, operation, by, proof):
            if fails:
                raise Torn
    except Unproven:
        return False
    except Torn:
        pass
    return True


def code_for(paths: Paths, operation: Operation[Any]) -> str:
    """As root reads it, once it was asked for."""
    assert not is_proven(paths, operation, "")
    (code,) = [one.code for one in proofs.wanted(paths) if one.subject == operation.subject]
    return code


def pass_time(paths: Paths, time: timedelta) -> None:
    """All that is noted happened earlier by so much."""
    file = paths.operations / "proofs.json"

    def earlier(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: (datetime.fromisoformat(one) - time).isoformat()
                if key in ("at", "until", "wrong_at") and one
                else earlier(one)
                for key, one in value.items()
            }
        return [earlier(one) for one in value] if isinstance(value, list) else value

    file.write_text(json.dumps(earlier(json.loads(file.read_text()))))


def typed_for(paths: Paths, holder: str = "anna") -> str:
    return WORDS[proofs.asked(paths)[holder]]


def test_these_operations_need_a_proof_and_no_others() -> None:
    guarded = {name for name, kind in OPERATIONS.items() if kind.needs_proof}
    assert guarded == {type(one).__name__ for one in GUARDED}


@pytest.mark.parametrize("operation", GUARDED, ids=lambda one: type(one).__name__)
def test_the_portal_is_refused_without_a_proof_and_root_is_not(set_up: Paths, operation: Any) -> None:
    for nothing in ("", "AAAAA-AAAAA", "anything", "\N{LATIN SMALL LETTER DOTLESS I}" * 10):
        assert not is_proven(set_up, operation, nothing)
    assert is_proven(set_up, operation, "", by=ROOT)


def test_what_takes_nothing_away_needs_none(set_up: Paths) -> None:
    assert is_proven(set_up, BeginBackup(), "")


def test_the_installers_code_is_good_for_the_first_target_alone_and_once(paths: Paths) -> None:
    code = proofs.first_code(paths)
    assert proofs.first_code(paths) == code
    assert not is_proven(paths, AddKeyHolder("boris"), code)
    assert is_proven(paths, FOLDER, code.lower().replace("-", " "), fails=True), "nothing came of it"
    assert is_proven(paths, ELSEWHERE, code)
    assert not is_proven(paths, FOLDER, code)
    assert proofs.first_code(paths) != code


def test_once_backups_are_set_up_the_installers_code_is_good_for_nothing(paths: Paths) -> None:
    code = proofs.first_code(paths)
    write_holders(paths, {"a1": "anna"})
    assert not is_proven(paths, FOLDER, code)


def test_a_code_is_good_for_exactly_what_it_was_shown_for(set_up: Paths) -> None:
    code = code_for(set_up, FOLDER)
    for other in (
        ELSEWHERE,
        AddBackupTarget("folder", "/mnt/other"),
        AddKeyHolder("boris"),
        RotateKeys("boris"),
    ):
        assert not is_proven(set_up, other, code)
    assert is_proven(set_up, FOLDER, code, fails=True)
    assert is_proven(set_up, FOLDER, code)
    assert not is_proven(set_up, FOLDER, code), "once"


def test_a_code_for_a_host_is_for_that_host_alone(set_up: Paths) -> None:
    """Whoever stands between shows another one at the same address."""
    nas = AddBackupTarget("sftp", "/home/backup", "backup@nas", host_key="SHA256:nas")
    code = code_for(set_up, nas)
    assert not is_proven(set_up, replace(nas, host_key="SHA256:theirs"), code)
    assert not is_proven(set_up, replace(nas, host_key=""), code)
    assert any("SHA256:nas" in one.subject for one in proofs.wanted(set_up))
    assert is_proven(set_up, nas, code)


def test_whatever_is_asked_for_reads_as_nothing_else() -> None:
    subjects = [
        one.subject
        for one in (
            *GUARDED,
            AddBackupTarget("s3", "korobka", "https://s3.example.org", "ours", access_key="A"),
            AddBackupTarget("s3", "korobka", "https://s3.example.net", "theirs", access_key="A"),
            AddBackupTarget("s3", "korobka", "https://s3.example.org", "theirs", access_key="B"),
            AddBackupTarget("s3", "other", "https://s3.example.org", "theirs", access_key="A"),
            AddBackupTarget("s3", "korobka", "https://s3.example.org", "theirs", access_key="A", ca_pem="x"),
            AddBackupTarget("sftp", "/home/backup", "backup@nas"),
            AddBackupTarget("sftp", "/home/backup", "backup@other"),
            AddBackupTarget("sftp", "/home/other", "backup@nas"),
            AddBackupTarget("sftp", "/home/backup", "backup@nas", host_key="SHA256:nas"),
            BeginRestore("disk", "20261124-110000F"),
            BeginRestore("disk", moment=datetime(2026, 11, 24, 11, tzinfo=UTC)),
            BeginRestore("disk", with_safety=False),
            BeginRestore("other"),
        )
    ]
    assert len(set(subjects)) == len(subjects)


def test_what_root_reads_cannot_be_dressed_up(set_up: Paths) -> None:
    """Neither by a new line, nor by the terminal's own codes."""
    forged = AddKeyHolder("boris'\n\x1b[2Jolga, wants to send backups to the folder '/mnt/backup':")
    code_for(set_up, forged)
    (shown,) = (one.subject for one in proofs.wanted(set_up))
    assert shown.isprintable()
    assert not is_proven(set_up, AddKeyHolder("b" * 2000), "")
    assert len(proofs.wanted(set_up)) == 1


def test_of_what_waits_the_latest_are_shown_for_an_hour(set_up: Paths) -> None:
    first = code_for(set_up, FOLDER)
    pass_time(set_up, timedelta(minutes=59))
    assert code_for(set_up, FOLDER) == first, "asked again it is the same"
    pass_time(set_up, timedelta(minutes=2))
    assert proofs.wanted(set_up) == ()
    assert not is_proven(set_up, FOLDER, first)
    for number in range(2 * proofs.MOST_WANTED):
        code_for(set_up, AddKeyHolder(f"boris {number}"))
    assert len(proofs.wanted(set_up)) == proofs.MOST_WANTED


def test_words_of_a_key_prove_something_once_and_then_others_are_asked_for(set_up: Paths) -> None:
    seen = []
    assert set(proofs.asked(set_up)) == {"anna"}
    for _ in WORDS:
        typed = typed_for(set_up)
        not_asked = [text for text in WORDS.values() if text != typed]
        assert not any(is_proven(set_up, FOLDER, text) for text in not_asked)
        assert is_proven(set_up, FOLDER, f"{typed[:5].lower()}-{typed[5:]}")
        seen.append(typed)
        assert not any(is_proven(set_up, FOLDER, text) for text in seen)
        proofs.open_again(set_up)
    assert proofs.asked(set_up) == {}
    assert is_proven(set_up, FOLDER, code_for(set_up, FOLDER)), "root can always help"


def test_words_are_good_for_another_try_a_quarter_of_an_hour_long(set_up: Paths) -> None:
    """The address was mistyped: that must not cost another pair."""
    typed = typed_for(set_up)
    assert is_proven(set_up, FOLDER, typed, fails=True)
    pass_time(set_up, timedelta(minutes=14))
    assert is_proven(set_up, ELSEWHERE, typed, fails=True)
    pass_time(set_up, timedelta(minutes=2))
    assert not is_proven(set_up, FOLDER, typed)
    assert typed_for(set_up) != typed


def test_words_of_a_key_that_opens_nothing_any_more_prove_nothing(set_up: Paths) -> None:
    typed = typed_for(set_up)
    write_holders(set_up, {"b1": "boris", "a2": "anna"})
    assert proofs.asked(set_up) == {}
    assert not is_proven(set_up, FOLDER, typed)
    proofs.admit(set_up, "a2", {(1, 3): "0000011111"})
    assert '"a1"' not in (set_up.operations / "proofs.json").read_text()


def test_after_five_wrong_ones_the_right_one_is_not_looked_at_either(set_up: Paths) -> None:
    code = code_for(set_up, FOLDER)
    for number in range(proofs.WRONG_IN_A_ROW):
        assert not is_proven(set_up, FOLDER, f"AAAAA-AAAA{number}")
    with pytest.raises(ProofsShut, match="sudo boxctl backup code"), proven(set_up, FOLDER, OLGA, code):
        pass
    pass_time(set_up, timedelta(minutes=14))
    assert not is_proven(set_up, FOLDER, code)
    pass_time(set_up, timedelta(minutes=2))
    assert is_proven(set_up, FOLDER, code)
    lines = (set_up.log / "operations.log").read_text().splitlines()
    assert len([line for line in lines if "wrong proof to send backups to" in line]) == proofs.WRONG_IN_A_ROW
    assert "AAAAA" not in "".join(lines)


def test_what_cannot_be_a_proof_is_not_counted_and_root_ends_a_pause(set_up: Paths) -> None:
    code = code_for(set_up, FOLDER)
    for nothing in ("", "AAAAA", "AAAAA-AAAAU" * 3, "A" * 5000, "????? ?????"):
        for _ in range(proofs.WRONG_IN_A_ROW + 1):
            assert not is_proven(set_up, FOLDER, nothing)
    assert proofs.open_again(set_up) == 0
    for number in range(proofs.WRONG_IN_A_ROW):
        assert not is_proven(set_up, FOLDER, f"AAAAA-AAAA{number}")
    assert proofs.open_again(set_up) == proofs.WRONG_IN_A_ROW
    assert is_proven(set_up, FOLDER, code)


def test_a_right_one_ends_the_count_of_wrong_ones(set_up: Paths) -> None:
    for _ in range(2):
        for number in range(proofs.WRONG_IN_A_ROW - 1):
            assert not is_proven(set_up, FOLDER, f"AAAAA-AAAA{number}")
        assert is_proven(set_up, FOLDER, code_for(set_up, FOLDER))


def test_one_that_is_killed_while_it_compares_has_tried(
    set_up: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return True

    monkeypatch.setattr(proofs, "_same", die)
    killed(lambda: is_proven(set_up, FOLDER, "AAAAA-AAAAA"))
    assert proofs.open_again(set_up) == 1


def test_one_that_is_killed_in_the_middle_has_spent_its_proof(set_up: Paths) -> None:
    """Whether anything was done is not known: so it is not good for anything else."""
    typed = typed_for(set_up)

    def act() -> None:
        with proven(set_up, FOLDER, OLGA, typed):
            os.kill(os.getpid(), signal.SIGKILL)

    killed(act)
    assert not is_proven(set_up, ELSEWHERE, typed)
    assert typed_for(set_up) != typed


def killed(act: Any) -> None:
    process = multiprocessing.get_context("fork").Process(target=act)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_two_at_once_do_not_both_have_the_same_proof(set_up: Paths) -> None:
    typed = typed_for(set_up)
    with proven(set_up, FOLDER, OLGA, typed):
        assert not is_proven(set_up, ELSEWHERE, typed)


def test_a_damaged_file_proves_nothing_and_is_made_anew(set_up: Paths) -> None:
    typed, file = typed_for(set_up), set_up.operations / "proofs.json"
    for damage in ("", "{", "[]", '{"wrong": "many"}'):
        file.write_text(damage)
        assert proofs.asked(set_up) == {}
        assert not is_proven(set_up, FOLDER, typed)
    assert is_proven(set_up, FOLDER, code_for(set_up, FOLDER))


def test_what_is_typed_stands_nowhere(set_up: Paths) -> None:
    text = (set_up.operations / "proofs.json").read_text()
    assert not any(half in text for pair in WORDS.values() for half in (pair[:5], pair[5:]))
    assert (set_up.operations / "proofs.json").stat().st_mode & 0o777 == 0o600
    request = Request("AddKeyHolder", {"name": "boris"}, proof="ABCDEFGHJK")
    assert "ABCDEFGHJK" not in repr(request)
    assert encode(request)["proof"] == "ABCDEFGHJK"


@pytest.fixture(autouse=True)
def of_this_test(paths: Paths) -> Iterator[None]:
    yield
    assert not [file.name for file in paths.operations.iterdir() if not file.name.startswith("proofs.")]
