"""What the machine is asked for, in words: the audit log keeps the names of the operations."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext_lazy as _

from box.core.registry.auditing import Audited

OPERATIONS = {
    "RestartService": _("restart of a service"),
    "SwitchOver": _("switchover to another node"),
    "SetNode": _("another state of a node"),
    "ExamineRelease": _("look at a release"),
    "BeginUpgrade": _("upgrade to another release"),
    "SetConfig": _("change of the configuration"),
    "ApplyConfig": _("use of the changed configuration"),
    "BeginBackup": _("backup"),
    "VerifyBackups": _("check of the backups"),
    "SetBackupPlan": _("change of the backup plan"),
    "AddBackupTarget": _("new place for backups"),
    "RemoveBackupTarget": _("removal of a place for backups"),
    "AddKeyHolder": _("new recovery key"),
    "RemoveKeyHolder": _("removal of a recovery key"),
    "RotateKeys": _("change of the backup keys"),
    "ConfirmRecoveryKey": _("proof that a recovery key is kept"),
    "CancelOperation": _("cancelling"),
    "BeginDrill": _("restore drill"),
    "BeginRestore": _("restore of the whole box"),
    "FindInBackup": _("search in a backup"),
    "PutBack": _("putting back from a backup"),
}


def told(name: Any) -> str:
    """Of an operation that there is no more only its name."""
    return str(OPERATIONS.get(name, name))


def told_of_arguments(text: Any) -> str:
    """What it was asked about: the values alone, whose names are the code's."""
    try:
        values = json.loads(text or "{}").values()
    except (ValueError, AttributeError):
        return str(text)
    return ", ".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in values)


OPERATIONS_ASKED = Audited(
    _("asked of the machine: %(operation)s %(arguments)s"),
    words={"operation": told, "arguments": told_of_arguments},
)
