"""docs/admin/archive.md is followed to the letter, with public tools and nothing of ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage
import pytest

from box.transfer.archive.container import Filters
from box.transfer.archive.encryption import encrypted
from box.transfer.archive.export import Scope, write_archive
from box.transfer.archive.records import KINDS
from tests.box.transfer.archived import archive, company, undone
from tests.cast import person

if TYPE_CHECKING:
    from box.bridges.storage.client import S3Store

PAGE = Path(__file__).parents[3] / "docs/admin/archive.md"
TOOLS = {"unzip": "unzip", "jq": "jq", "age": "age", "sha256sum": "coreutils"}

pytestmark = pytest.mark.django_db


def test_the_commands_on_the_page_read_an_archive(store: S3Store, tmp_path: Path) -> None:
    for tool, package in TOOLS.items():
        assert shutil.which(tool), f"{tool} is missing: apt-get install {package}"
    with undone():
        company(person("Olga", is_administrator=True))
        (tmp_path / "company.zip").write_bytes(archive().getvalue())
    commands = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == 4
    done = subprocess.run(
        ["sh", "-eu", "-c", "".join(commands)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:2] == ["korobka-archive", "1"]
    assert any(line.startswith("2026-03-02\tAnna Test\t") for line in said[2:])
    assert (tmp_path / "brief.txt").read_bytes() == b"Brief"


def test_the_page_knows_every_file_and_field() -> None:
    text = PAGE.read_text()
    for kind in KINDS:
        assert f"{kind}.jsonl" in text


def test_age_opens_what_was_encrypted_and_nothing_else_does(store: S3Store, tmp_path: Path) -> None:
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"{key}\n")
    sealed = tmp_path / "company.zip.age"
    with sealed.open("wb") as file, encrypted(file, str(key.to_public())) as out:
        write_archive(out, Scope(Filters(kinds=["people"])))
    assert b"manifest.json" not in sealed.read_bytes()
    plain = tmp_path / "company.zip"
    with plain.open("wb") as out:
        subprocess.run(["age", "--decrypt", "-i", "key.txt", sealed], cwd=tmp_path, stdout=out, check=True)
    listed = subprocess.run(["unzip", "-p", plain, "manifest.json"], capture_output=True, check=True)
    assert json.loads(listed.stdout)["files"][0]["kind"] == "people"
    other = tmp_path / "other.txt"
    other.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    refused = subprocess.run(["age", "--decrypt", "-i", other, sealed], capture_output=True, check=False)
    assert refused.returncode != 0
