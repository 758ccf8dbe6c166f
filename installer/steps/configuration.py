"""Users, folders, configuration, certificate, and the files that services read."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from appliance import certificates, config, folders, quoting, service_files, users
from appliance.files import write_atomically
from installer import release
from installer.options import SECRET, default_hostname
from installer.steps import recovery
from installer.steps.base import Host, Notice, Step

_NEW_BOX = """\
# The configuration of this box. An empty file is valid: every key has a default.
# `boxctl config show` lists all keys with what they mean; after editing: `boxctl config apply`.
"""
_BOXCTL = """\
#!/bin/sh
# Runs the box's own command line, whichever release is current. Written by the installer.
export KOROBKA_PREFIX={prefix} PYTHONPATH={current} PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1
exec {python} -m appliance.cli "$@"
"""


def _have_users(_: Host) -> bool:
    return not users.missing()


def _create_users(_: Host) -> None:
    users.create()


def _are_folders_right(host: Host) -> bool:
    for folder in folders.all_folders(host.paths):
        try:
            found = folder.path.stat()
        except FileNotFoundError:
            return False
        wanted = (folder.mode, users.account(folder.owner).uid, users.group_id(folder.group))
        if (found.st_mode & 0o7777, found.st_uid, found.st_gid) != wanted:
            return False
    return True


def _prepare_folders(host: Host) -> None:
    folders.prepare(host.paths)


def _is_configured(host: Host) -> bool:
    config.load(host.paths)  # refuses a file that is wrong before anything is built upon it
    said = host.options.settings
    return host.paths.box_toml.exists() and all(
        config.value_of(config.load(host.paths), key) == value for key, value in said.items()
    )


def _configure(host: Host) -> None:
    file = host.paths.box_toml
    is_new = not file.exists()
    text = _NEW_BOX if is_new else file.read_text(encoding="utf-8")
    # A box keeps its name even if the machine is renamed: people's bookmarks and the certificate say it.
    settings = ({"hostname": default_hostname()} if is_new else {}) | host.options.settings
    for key, value in settings.items():
        text = config.set_value(text, key, value, from_console=False, file=str(file))
    write_atomically(file, text, mode=0o644)


def _have_secrets(host: Host) -> bool:
    try:
        known = config.load_secrets(host.paths)
    except config.ConfigError:
        return False
    given = _given_keys(host)
    return given is None or given == (known.objects_access_key, known.objects_secret_key)


def _create_secrets(host: Host) -> None:
    keys = _given_keys(host)
    names = ("objects_access_key", "objects_secret_key")
    config.create_secrets(host.paths, dict(zip(names, keys, strict=True)) if keys else {})


def _given_keys(host: Host) -> tuple[str, str] | None:
    """The keys of an external store. The secret one comes in the environment, never in an argument."""
    secret = os.environ.get(SECRET)
    return (host.options.access_key, secret) if host.options.access_key and secret else None


def _is_certificate_in_place(host: Host) -> bool:
    installed = certificates.current(host.paths)
    if installed is None:
        return False
    if host.options.certificate and host.options.key:
        return installed.pem() == certificates.Bundle.read(host.options.certificate, host.options.key).pem()
    state = certificates.info(host.paths)
    # A certificate that the company gave is the company's to renew; `doctor` reminds of it.
    return not state.is_own or (
        state.not_after > datetime.now(UTC) + certificates.RENEW_BEFORE and _public_name(host) in state.names
    )


def _put_certificate(host: Host) -> None:
    name = _public_name(host)
    if host.options.certificate and host.options.key:
        bundle = certificates.Bundle.read(host.options.certificate, host.options.key)
        certificates.check(bundle, name)
        certificates.install(host.paths, bundle)
    else:
        certificates.ensure(host.paths, name, certificates.addresses_of(name))


def _public_name(host: Host) -> str:
    return config.load(host.paths).public_name


def _has_release(host: Host) -> bool:
    return not host.is_fresh


def _use_first_release(host: Host) -> None:
    release.switch(host.paths, host.release)


def _has_boxctl(host: Host) -> bool:
    wrapper = host.paths.boxctl
    return wrapper.exists() and wrapper.read_text() == _boxctl(host) and os.access(wrapper, os.X_OK)


def _write_boxctl(host: Host) -> None:
    host.paths.boxctl.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(host.paths.boxctl, _boxctl(host), mode=0o755)


def _boxctl(host: Host) -> str:
    current = host.paths.current
    places = {"prefix": host.paths.prefix, "current": current, "python": current / "venv/bin/python"}
    return _BOXCTL.format(**{name: quoting.shell(place) for name, place in places.items()})


def _are_files_current(host: Host) -> bool:
    return not service_files.pending(host.node) and host.supervisor.is_applied()


def write_service_files(host: Host) -> None:
    host.owe_notice(service_files.pending(host.node), Notice.RELOAD)
    host.owe_notice(host.supervisor.pending(), Notice.RESTART)
    service_files.apply(host.node)
    host.supervisor.apply()


STEPS = (
    Step("System users", _have_users, _create_users),
    Step("Folders", _are_folders_right, _prepare_folders),
    recovery.CONFIGURATION,
    Step("Configuration", _is_configured, _configure),
    Step("Secrets", _have_secrets, _create_secrets),
    Step("Certificate", _is_certificate_in_place, _put_certificate),
    # A new box needs its release from here on; an upgraded one keeps the old until the database is ready.
    Step("First release", _has_release, _use_first_release),
    Step("boxctl", _has_boxctl, _write_boxctl),
    Step("Service files", _are_files_current, write_service_files),
)
