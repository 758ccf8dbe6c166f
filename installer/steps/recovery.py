"""`install.sh --restore`: the same steps as ever, with what a backup brings back in their places."""

from __future__ import annotations

import os
import sys

from appliance import certificates
from backup import disaster_recovery, moments, sealed_authority, store_authorities
from backup.keys import RecoveryKey
from backup.settings import BackupRefused
from installer.steps.base import Host, Step


def _is_configuration_back(host: Host) -> bool:
    """What is there already is no answer: it may be another box, or a part of this one."""
    if disaster_recovery.is_under_way(host.paths):
        return True
    if host.options.restore is not None:
        return disaster_recovery.is_back(host.paths, _asked(host))
    if disaster_recovery.is_begun(host.paths):
        raise BackupRefused(
            "A box was being brought back, and only a part of its configuration is there: say what you said "
            "then, with --restore."
        )
    return True


def _asked(host: Host) -> str:
    said = host.options
    return f"{said.restore} {said.restore_to.isoformat() if said.restore_to else 'newest'}"


def _bring_configuration_back(host: Host) -> None:
    said = host.options
    target = disaster_recovery.place(
        said.restore or "",
        access_key=said.restore_access_key or "",
        secret_key=os.environ.get("KOROBKA_BACKUP_SECRET_KEY", ""),
        ca_pem=store_authorities.read(said.restore_ca) if said.restore_ca else "",
    )
    to_say = disaster_recovery.begin(
        host.paths,
        target,
        RecoveryKey.parse(_key()),
        moment=said.restore_to,
        version=host.source.version,
        say=host.outcome.doing,
        host_key=said.restore_host_key or "",
        root_key=_root_key(),
        asked=_asked(host),
    )
    host.news += [f"Of the configuration: {line}." for line in to_say]


def _key() -> str:
    if given := os.environ.get("KOROBKA_RECOVERY_KEY"):
        return given
    if not sys.stdin.isatty():
        raise BackupRefused("The recovery key is missing: put it into KOROBKA_RECOVERY_KEY.")
    try:
        return input("Recovery key: ")
    except EOFError:
        raise BackupRefused("No recovery key was typed: say the same again.") from None


def _root_key() -> RecoveryKey | None:
    """Root's own key, where somebody has it on paper: without it the box comes back as well."""
    given = os.environ.get("KOROBKA_ROOT_KEY", "")
    if not given and sys.stdin.isatty() and "KOROBKA_RECOVERY_KEY" not in os.environ:
        given = input("Root key (if you do not have it, press Enter): ")
    return RecoveryKey.parse(given) if given.strip() else None


def _is_database_back(host: Host) -> bool:
    return not disaster_recovery.is_under_way(host.paths) or disaster_recovery.is_database_back(host.node)


def _bring_database_back(host: Host) -> None:
    disaster_recovery.recover_database(host.node, host.outcome.doing)


def _are_files_back(host: Host) -> bool:
    return not disaster_recovery.is_under_way(host.paths)


def _bring_files_back(host: Host) -> None:
    back = disaster_recovery.recover_files(host.node, host.outcome.doing)
    moments.use_zone_of(host.node)
    at = f" as it was at {moments.shown(back.at)}" if back.at else ""
    host.news.append(f"The box is back{at}. Everybody has to sign in again.")
    if sealed_authority.is_missing(host.paths):
        until = certificates.info(host.paths).not_after - certificates.RENEW_BEFORE
        host.news.append(
            f"The authority's key was left sealed. Browsers trust the portal as before, until "
            f"{until:%d %b %Y}: then the box makes a new authority, which has to be given to them. "
            f"`sudo boxctl backup root-key --give` opens it until then, with the root key from paper."
        )
    if back.missing:
        host.news.append(f"{back.missing} files are missing: the backup does not have them.")
    host.news += [f"Not done: {line}." for line in back.undone]


CONFIGURATION = Step("Configuration from the backup", _is_configuration_back, _bring_configuration_back)
DATABASE = Step("Database from the backup", _is_database_back, _bring_database_back)
FILES = Step("Files from the backup", _are_files_back, _bring_files_back)
