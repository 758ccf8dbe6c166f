from __future__ import annotations

import subprocess
from pathlib import Path

from tests import require

ROOT = Path(__file__).resolve().parents[2]


def test_vagrant_understands_its_file(tmp_path: Path) -> None:
    require.programs("vagrant", cure="apt-get install --no-install-recommends vagrant")
    (tmp_path / "Vagrantfile").write_bytes((ROOT / "Vagrantfile").read_bytes())
    command = ["vagrant", "validate", "--ignore-provider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
