"""The table of steps, and the steps that can be tried without a machine of their own."""

from __future__ import annotations

import dataclasses
import grp
import json
import os
import pwd
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from appliance import certificates, config, service_files, supervise, users
from appliance.supervise import processes
from appliance.supervise.systemd import Systemd
from installer import options as options_module
from installer import release, steps, uninstall
from installer.options import Options
from installer.progress import NOTHING_TO_DO, PlainProgress
from installer.release import Source
from installer.steps import Host, Step, data, startup
from installer.steps import configuration as configuration_steps
from installer.steps.base import Notice
from installer.steps.startup import Starter
from tests.appliance.boxes import open_to_everybody
from tests.appliance.units import TARGET, stand_in

from .releases import ONE, TWO, made


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


def test_another_unit_is_owed_to_its_instances_and_one_that_concerns_none_is_only_written(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_to_everybody(tmp_path)
    units = tmp_path / "units"
    units.mkdir()
    stand_in(monkeypatch, units)
    monkeypatch.setattr(supervise, "supervisor_for", Systemd)
    for function in ("pending", "apply"):
        monkeypatch.setattr(service_files, function, lambda _: ())
    users.create()
    for title in ("Folders", "Configuration", "Secrets"):
        the_step(title).apply(host)
    config_text = host.paths.box_toml.read_text()
    host.paths.box_toml.write_text(config.set_value(config_text, "node.web_workers", 2, from_console=False))
    step = the_step("Service files")
    host.supervisor.apply()
    assert step.is_done(host)
    for name, owed in (("korobka-web@.service", {"web@1": "restart", "web@2": "restart"}), (TARGET, {})):
        (units / name).write_text("[Unit]\n")
        assert not step.is_done(host)
        step.apply(host)
        assert step.is_done(host)
        assert host.notices_due == owed
        host.gave_notice(*owed)


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


def unpacked(source: Source, **said: str) -> Source:
    manifest = {
        "version": "1.2.3",
        "released_at": "2026-11-24T10:00:00+00:00",
        "content": source.content_hash,
    }
    (source.tree / release.MANIFEST).write_text(json.dumps(manifest | said))
    return Source(source.tree)


def test_an_archive_is_known_by_its_content_and_not_by_its_version(source: Source) -> None:
    one = unpacked(source)
    assert one.name.startswith("1.2.3+")
    assert one.released_at.isoformat() == "2026-11-24T10:00:00+00:00"
    (source.tree / "manage.py").write_text("print('mended')\n")
    other = unpacked(Source(source.tree))
    assert (other.version, other.is_damaged) == ("1.2.3", False)
    assert other.name != one.name


def test_an_archive_that_was_changed_after_packing_is_damaged(source: Source) -> None:
    assert not source.is_damaged
    assert not unpacked(source).is_damaged
    (source.tree / "manage.py").write_text("print('changed')\n")
    assert Source(source.tree).is_damaged


def test_a_half_built_release_is_none(host: Host) -> None:
    (host.paths.releases / ".building-x").mkdir()
    assert not release.is_built(host.source, host.paths)


def test_switching_is_one_step_and_the_running_release_and_the_one_before_it_stay(host: Host) -> None:
    folders = [host.paths.releases / name for name in ("3", "1", "2")]
    for folder in folders:
        folder.mkdir()
        release.switch(host.paths, folder)
        assert host.paths.current.resolve() == folder.resolve()
    never_ran = host.paths.releases / "4"
    never_ran.mkdir()
    release.switch(host.paths, folders[2])  # once more: what ran before is the same
    assert release.superfluous(host.paths) == [folders[0], never_ran]


class Killed(BaseException):
    """kill -9 of the installer."""


@pytest.mark.parametrize("links", [0, 1])
def test_killed_while_switching_the_release_before_is_remembered(
    host: Host, monkeypatch: pytest.MonkeyPatch, links: int
) -> None:
    before, after = (host.paths.releases / name for name in ("before", "after"))
    for folder in (before, after):
        folder.mkdir()
    release.switch(host.paths, before)
    assert not release.previous_link(host.paths).is_symlink()
    link, made_links = release._link, list[Path]()

    def dies(one: Path, to: Path) -> None:
        if len(made_links) == links:
            raise Killed
        made_links.append(one)
        link(one, to)

    with monkeypatch.context() as killed, pytest.raises(Killed):
        killed.setattr(release, "_link", dies)
        release.switch(host.paths, after)
    # As the step does that comes next: see `installer.steps.services`.
    if host.paths.current.resolve() != after:
        release.switch(host.paths, after)
    assert release.superfluous(host.paths) == []
    assert release.previous_link(host.paths).resolve() == before


def test_a_release_from_a_strict_checkout_is_for_the_services_to_read(source: Source, tmp_path: Path) -> None:
    for name in source.files:
        (source.tree / name).chmod(0o600)
    source.copy_to(tmp_path / "copy")
    assert {(tmp_path / "copy" / name).stat().st_mode & 0o777 for name in source.files} == {0o644}


def test_a_release_that_the_services_cannot_read_is_built_anew(host: Host) -> None:
    host.source.copy_to(host.release)
    (host.release / "venv/bin").mkdir(parents=True)
    (host.release / "venv/bin/python").touch()
    assert not release.is_built(host.source, host.paths)  # it has no static files
    (host.release / "static").mkdir()
    assert release.is_built(host.source, host.paths)
    (host.release / "box/app.py").chmod(0o640)
    assert not release.is_built(host.source, host.paths)


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


# --- accounts, and who starts the box


def test_an_account_that_somebody_else_made_is_told_from_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def account(name: str, comment: str, home: str, shell: str) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", 990, 990, comment, home, shell))

    ours = (users.COMMENT, users.HOME, users.SHELL)
    monkeypatch.setattr(users, "are_separated", lambda: True)
    monkeypatch.setattr(
        pwd, "getpwall",
        lambda: [
            account("korobka", "", "/home/korobka", "/bin/bash"),
            account("korobka-db", *ours),
            account("korobka-cache", *ours),
        ],
    )  # fmt: skip
    monkeypatch.setattr(
        grp, "getgrall",
        lambda: [
            grp.struct_group(("sudo", "x", 27, ["anna", "korobka-cache"])),
            grp.struct_group(("korobka-db", "x", 990, [])),
            grp.struct_group(("korobka-objects", "x", 991, ["anna"])),
        ],
    )  # fmt: skip
    assert dict(users.foreign()) == {
        "korobka": "its home is /home/korobka, its shell /bin/bash",
        "korobka-cache": "it is a member of sudo",
        "korobka-objects": "its group has members, anna",
    }


def test_purging_leaves_an_account_that_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []

    def run(args: list[str], **_: object) -> None:
        removed.append(args[1])

    monkeypatch.setattr(users, "foreign", lambda: (("korobka", "it is a member of sudo"),))
    monkeypatch.setattr(uninstall, "run", run)
    uninstall._remove_users()
    assert sorted(removed) == sorted(set(users.ALL) - {"korobka"})


WRONG = {
    "box.toml": ("box_toml", 'hostname = "portal.example.com"\nhttps_prot = 8443\n', "box.toml, line 2: "),
    "no TOML": ("box_toml", "hostname = \n", "box.toml, line 1: this is not TOML"),
    "secrets.toml": ("secrets_toml", "", "is missing"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("is_purged", [True, False])
def test_a_box_whose_configuration_is_wrong_is_removed_all_the_same(
    host: Host, what: str, is_purged: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    name, text, said = WRONG[what]
    paths = host.paths
    config.create_secrets(paths)
    for folder in (paths.data, paths.generated / "supervisor"):
        folder.mkdir(parents=True)
    getattr(paths, name).write_text(text)
    mark = {processes.PREFIX_MARK: str(paths.prefix), processes.SERVICE_MARK: "web@1"}
    with subprocess.Popen(["sleep", "600"], env=mark) as left:
        try:
            uninstall.perform(uninstall.Plan(paths, is_purged))
            assert left.wait(5) == -signal.SIGTERM
        finally:
            left.kill()
    told = capsys.readouterr().out
    assert said in told
    assert ("install.sh" in told) is not is_purged
    assert not paths.releases.exists()
    assert paths.data.exists() is not is_purged


def test_under_systemd_a_box_whose_configuration_is_wrong_leaves_no_unit(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = tmp_path / "units"
    for wants, name, file in (
        (f"{TARGET}.wants", "korobka-web@1.service", "korobka-web@.service"),
        (f"{TARGET}.wants", "korobka-objects.service", "korobka-objects.service"),
        ("multi-user.target.wants", TARGET, TARGET),
    ):
        (units / wants).mkdir(parents=True, exist_ok=True)
        (units / file).write_text("[Unit]\n")
        (units / wants / name).symlink_to(units / file)
    told = stand_in(monkeypatch, units)
    monkeypatch.setattr(uninstall, "supervisor_for", Systemd)
    config.create_secrets(host.paths)
    host.paths.box_toml.write_text("https_prot = 8443\n")
    uninstall.perform(uninstall.Plan(host.paths, is_purged=False))
    assert told.told_to("disable") == ["korobka-objects.service", "korobka-web@1.service", TARGET]
    assert [path.name for path in units.rglob("korobka*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("has_systemd", "first_process", "programs", "wanted"),
    [
        (True, "systemd", {"update-rc.d", "cron"}, Starter.SYSTEMD),
        (False, "init", {"update-rc.d", "cron"}, Starter.INIT),
        (False, "init", {"cron"}, Starter.CRON),
        (False, "sh", {"update-rc.d", "cron"}, Starter.CRON),
        (False, "sh", {"update-rc.d"}, Starter.NOBODY),
    ],
)
def test_the_machine_starts_the_box_by_what_it_has(
    monkeypatch: pytest.MonkeyPatch,
    has_systemd: bool,
    first_process: str,
    programs: set[str],
    wanted: Starter,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name if name in programs else None)
    assert startup.starter(first_process=first_process, has_systemd=has_systemd) is wanted


def test_what_starts_the_box_calls_its_boxctl_and_is_a_script_of_the_shell(host: Host) -> None:
    for who in (Starter.INIT, Starter.CRON):
        file, text, _ = startup._wanted(host, who)
        assert str(host.paths.boxctl) in text
        assert str(file) == who.value
    script = startup._wanted(host, Starter.INIT)[1]
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_a_release_that_takes_its_place_again_leaves_the_tables(host: Host) -> None:
    host.goes_back = True
    assert the_step("Tables").is_done(host)


@pytest.mark.parametrize("changes", [True, False], ids=["tables change", "tables stay"])
def test_a_release_that_cannot_write_keeps_nobody_from_leaving_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: bool
) -> None:
    """Forward both have to write on new tables; back, or beside, only who comes."""
    machine = Host(
        Options(prefix=tmp_path / "box"), made(tmp_path / "come", "2", ONE, *((TWO,) if changes else ()))
    )
    machine.paths.releases.mkdir(parents=True)
    running = made(
        machine.paths.releases / "broken", "1", *((ONE,) if changes else (ONE, TWO)), before=(ONE,)
    )
    release.switch(machine.paths, running.tree)
    coming = machine.paths.releases / machine.source.name
    shutil.copytree(machine.source.tree, coming)
    tried: list[str] = []
    monkeypatch.setattr(data, "WRITTEN", "pyproject.toml")
    monkeypatch.setattr(data, "manage", lambda _node, folder, *_words: tried.append(folder.name))
    monkeypatch.setattr(Host, "node", None)
    the_step("Written post").apply(machine)
    assert tried == [machine.source.name, *(["broken"] if changes else [])]
