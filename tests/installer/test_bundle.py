"""Debian's packages beside a release: apt itself reads them, and asks nobody else."""

from __future__ import annotations

from pathlib import Path

from appliance.runner import run
from installer import bundle, packages


def test_apt_takes_packages_from_the_bundle_alone(tmp_path: Path) -> None:
    folder, tree = tmp_path / "debian", tmp_path / "tree"
    folder.mkdir()
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: korobka-probe\nVersion: 1:2.3-4\nArchitecture: all\nMaintainer: A <a@example.com>\n"
        "Depends: python3\nDescription: one line\n and another\n"
    )
    run(["dpkg-deb", "--build", "--root-owner-group", tree, folder / "korobka-probe_2.3-4_all.deb"])
    bundle.index(folder)
    with packages._sources(folder) as sources:
        run(["apt-get", "-q", *sources, "-o", "Debug::NoLocking=true", "update"])
        options = [*sources, "-o", f"Dir::Cache={tmp_path}"]
        known = run(["apt-cache", *options, "policy", "korobka-probe"]).stdout
        others = run(["apt-cache", *options, "madison", "postgresql-17"]).stdout
    assert "Candidate: 1:2.3-4" in known
    assert others == ""


def test_without_a_bundle_apt_asks_its_mirrors(tmp_path: Path) -> None:
    with packages._sources(tmp_path / "none") as sources:
        assert sources == []
