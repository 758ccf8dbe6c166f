"""Vagrant reads its file. No hypervisor runs here, so that nothing is brought up."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import require

ROOT = Path(__file__).resolve().parents[2]


def vagrant(folder: Path, *words: str, nodes: str) -> subprocess.CompletedProcess[str]:
    require.programs("vagrant", cure="apt-get install --no-install-recommends vagrant")
    (folder / "Vagrantfile").write_bytes((ROOT / "Vagrantfile").read_bytes())
    environment = os.environ | {"KOROBKA_NODES": nodes}
    command = ["vagrant", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("nodes", ["1", "3"])
def test_vagrant_understands_its_file(tmp_path: Path, nodes: str) -> None:
    done = vagrant(tmp_path, "validate", "--ignore-provider", nodes=nodes)
    assert done.returncode == 0, done.stderr


def test_a_number_of_nodes_that_makes_no_cluster_is_refused(tmp_path: Path) -> None:
    done = vagrant(tmp_path, "validate", "--ignore-provider", nodes="2")
    assert done.returncode != 0
    assert "KOROBKA_NODES is 1, or 3" in done.stdout + done.stderr
