"""The table of steps, and the steps that can be tried without a machine of their own."""

from __future__ import annotations

import dataclasses
import os
import shlex
from pathlib import Path

import pytest

from appliance import certificates, config
from installer import options as options_module
from installer import release, steps
from installer.options import Options
from installer.progress import NOTHING_TO_DO, PlainProgress
from installer.release import Source
from installer.steps import Host, Step
from installer.steps import configuration as configuration_steps
from installer.steps.base import Notice


@pytest.fixture
def source(tmp_path: Path) -> Source:
    tree = tmp_path / "source"
    for name, text in (
        ("pyproject.toml", '[project]\nversion = "1.2.3"\n'),
        ("manage.py", "print()\n"),
        ("box/app.py", "x = 1\n"),
        ("box/__pycache__/app.pyc", "compiled"),
        ("box/frontend/node_modules/left/pad.js", "pad"),
        ("box/frontend/dist/app.js", "built"),
        ("box/locale/ru/LC_MESSAGES/django.mo", "compiled"),
        ("tests/test_app.py", "pass\n"),
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return Source(tree)


@pytest.fixture
def host(tmp_path: Path, source: Source) -> Host:
    host = Host(Options(prefix=tmp_path / "box", hostname="portal.example.com", https_port=8443), source)
    host.paths.tls.mkdir(parents=True)
    host.paths.releases.mkdir(parents=True)
    return host


def the_step(title: str) -> Step:
    (step,) = (step for step in steps.full() if step.title == title)
    return step


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with its mode, its time and its content."""
    return {
        str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_first_stage_counts_the_steps_right() -> None:
    assert len(steps.full()) == steps.TOTAL
    assert steps.full()[: len(steps.BARE)] == steps.BARE


@pytest.mark.parametrize("title", ["Configuration", "Secrets", "Certificate", "First release", "boxctl"])
def test_a_step_that_was_applied_is_done_and_applying_it_again_changes_nothing(
    host: Host, title: str
) -> None:
    for step in steps.full():
        if step.title in ("Configuration", "Secrets", "Certificate", "First release", "boxctl"):
            if step.title == title:
                assert not step.is_done(host)
            host.release.mkdir(exist_ok=True)
            step.apply(host)
            if step.title == title:
                assert step.is_done(host)
                before = snapshot(host.paths.prefix)
                step.apply(host)
                assert snapshot(host.paths.prefix) == before


def test_what_is_done_is_said_and_not_done_again(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    applied = []
    done = Step("One", lambda _: True, lambda _: applied.append("one"))
    open_ = Step("Two", lambda _: False, lambda _: applied.append("two"))
    assert steps.perform((done, open_), host, PlainProgress()) == 1
    assert applied == ["two"]
    assert f"One: {NOTHING_TO_DO}" in capsys.readouterr().out


def test_options_change_the_configuration_and_keep_its_comments(host: Host) -> None:
    step = the_step("Configuration")
    host.paths.box_toml.write_text('# ours\nhostname = "old.example.com"\ntime_zone = "Asia/Omsk"\n')
    assert not step.is_done(host)
    step.apply(host)
    box = config.load(host.paths)
    assert (box.hostname, box.balancer.https_port, box.time_zone) == ("portal.example.com", 8443, "Asia/Omsk")
    assert host.paths.box_toml.read_text().startswith("# ours")


def test_a_box_without_options_keeps_its_configuration(host: Host) -> None:
    the_step("Configuration").apply(host)
    silent = dataclasses.replace(host, options=Options(prefix=host.options.prefix))
    assert the_step("Configuration").is_done(silent)


def test_a_wrong_configuration_stops_the_installation(host: Host) -> None:
    host.paths.box_toml.write_text('hostnam = "x"\n')
    with pytest.raises(config.ConfigError, match="line 1"):
        the_step("Configuration").is_done(host)


def test_the_secrets_of_an_external_store_are_taken_from_the_environment(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOROBKA_OBJECTS_SECRET_KEY", "hush")
    host.options = dataclasses.replace(host.options, engine="external", access_key="portal")
    step = the_step("Secrets")
    step.apply(host)
    assert step.is_done(host)
    known = config.load_secrets(host.paths)
    assert (known.objects_access_key, known.objects_secret_key) == ("portal", "hush")
    assert host.paths.secrets_toml.stat().st_mode & 0o777 == 0o600


def test_another_host_name_asks_for_another_certificate(host: Host) -> None:
    the_step("Configuration").apply(host)
    the_step("Certificate").apply(host)
    host.options = dataclasses.replace(host.options, hostname="other.example.org")
    the_step("Configuration").apply(host)
    assert not the_step("Certificate").is_done(host)
    the_step("Certificate").apply(host)
    assert "other.example.org" in certificates.info(host.paths).names


def test_an_unfinished_change_is_not_forgotten(host: Host) -> None:
    host.owe_notice(["web@2"], Notice.RESTART)
    host.owe_notice(["web@2", "cache"], Notice.RELOAD)
    assert host.notices_due == {"cache": Notice.RELOAD, "web@2": Notice.RESTART}
    assert not the_step("Services").is_done(host)
    host.gave_notice("cache", "web@2")
    assert not host.notices_due


def test_the_wrapper_names_its_box(host: Host) -> None:
    the_step("boxctl").apply(host)
    text = host.paths.boxctl.read_text()
    assert f"KOROBKA_PREFIX={shlex.quote(str(host.paths.prefix))} " in text
    assert os.access(host.paths.boxctl, os.X_OK)
    host.paths.boxctl.chmod(0o644)
    assert not configuration_steps._has_boxctl(host)


# --- releases


def test_by_products_and_tests_are_not_part_of_a_release(source: Source) -> None:
    assert source.files == ("box/app.py", "manage.py", "pyproject.toml")


def test_a_checkouts_name_follows_its_content(source: Source) -> None:
    before = source.name
    assert before.startswith("1.2.3+")
    (source.tree / "box/app.py").write_text("x = 2\n")
    assert Source(source.tree).name != before
    (source.tree / "tests/test_app.py").write_text("changed\n")
    (source.tree / "box/app.py").write_text("x = 1\n")
    assert Source(source.tree).name == before


def test_an_archives_name_is_its_version(source: Source) -> None:
    (source.tree / release.MANIFEST).write_text(
        '{"version": "1.2.3", "released_at": "2026-11-24T10:00:00+00:00"}'
    )
    unpacked = Source(source.tree)
    assert unpacked.name == "1.2.3"
    assert unpacked.released_at.isoformat() == "2026-11-24T10:00:00+00:00"


def test_a_half_built_release_is_none(host: Host) -> None:
    (host.paths.releases / ".building-x").mkdir()
    assert not release.is_built(host.source, host.paths)


def test_switching_is_one_step_and_the_previous_release_stays(host: Host) -> None:
    folders = [host.paths.releases / name for name in ("1", "2", "3")]
    for folder in folders:
        folder.mkdir()
        release.switch(host.paths, folder)
        assert host.paths.current.resolve() == folder.resolve()
    assert release.superfluous(host.paths) == [folders[0]]


def test_options_survive_the_change_of_process(tmp_path: Path) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    options_module.add_arguments(parser)
    said = Options(
        prefix=tmp_path, hostname="a.test", language="ru", time_zone="Asia/Omsk", http_port=1, https_port=2,
        certificate=tmp_path / "c", key=tmp_path / "k", engine="external", store_port=3, endpoint="https://s3.test",
        endpoint_ca=tmp_path / "ca", bucket="files", access_key="key", admin_email="olga@a.test",
        is_password_on_stdin=True, with_demo=True, accepted=("clock", "memory"),
    )  # fmt: skip
    again = options_module.from_arguments(parser.parse_args(options_module.as_arguments(said)))
    assert again == said
