"""What an administrator has to have seen to, each with how it is and the way to mend it.

That every service runs says little of a box without a backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.console.access import can_look_after_backups
from box.console.backups.presenters import sentence
from box.core.accounts.models import User
from box.core.notify.models import QueuedLetter
from box.core.portal.access import can_change_settings
from box.core.registry.capabilities import can_send_letters

if TYPE_CHECKING:
    from appliance.client import BackupState, CertificateState

# A bought certificate takes some days to come.
RENEWED_BEFORE = timedelta(days=21)
NAMES_SHOWN = 3


@dataclass(frozen=True)
class Check:
    """One line. `url` leads to where it is mended, for whoever may."""

    title: str
    state: Literal["good", "warn", "bad"]
    about: str
    url: str = ""
    action: str = ""


def checks_for(
    reader: User, backups: BackupState, certificate: CertificateState, version: str, *, now: datetime
) -> list[Check]:
    keeps_backups, sets_up = can_look_after_backups(reader), can_change_settings(reader)
    return [
        *_backups(backups, may_mend=keeps_backups),
        _mail(may_mend=sets_up),
        _certificate(certificate, now),
        _second_factor(),
        _version(version),
    ]


def _backups(state: BackupState, *, may_mend: bool) -> Iterator[Check]:
    title, here = _("Backups"), reverse("console:backups") if may_mend else ""
    if state.plan is None:
        setting_up = reverse("console:new-backup-target") if may_mend else ""
        about = _("Nothing is backed up: a broken disk would take everything.")
        yield Check(title, "bad", about, setting_up, _("Set up backups"))
        return
    for one in state.warnings:
        words = f"{one.target}: {sentence(one)}" if one.target else str(sentence(one))
        yield Check(title, "bad", words, here, _("Look after backups"))
    if state.warnings:
        return
    if not state.sets:
        yield Check(title, "warn", _("They are set up, and the first one is still to come."), here, _("Look"))
        return
    last = _("The newest one is of %(when)s.") % {"when": _moment(state.sets[0].ended_at)}
    yield Check(title, "good", last, here, _("Look"))


def _mail(*, may_mend: bool) -> Check:
    title, here = _("Mail"), reverse("console:section", args=["mail"]) if may_mend else ""
    if not can_send_letters():
        about = _("No letter leaves the portal: no invitations, no new passwords, no warnings by mail.")
        return Check(title, "bad", about, here, _("Name the mail server"))
    waiting = QueuedLetter.objects.filter(sent_at=None, failed_at=None).exclude(error="").order_by("pk")
    if stuck := waiting.first():
        about = _("Letters wait, because the mail server does not take them: %(why)s") % {"why": stuck.error}
        return Check(title, "bad", about, here, _("Look at the mail server"))
    return Check(title, "good", _("Letters are sent."), here, _("Look"))


def _certificate(state: CertificateState, now: datetime) -> Check:
    title, ends = _("Certificate"), _moment(state.not_after)
    if state.not_after <= now:
        about = _("It ended on %(when)s: browsers warn of the portal.") % {"when": ends}
        return Check(title, "bad", f"{about} {_renewal(state)}")
    if state.not_after - now < RENEWED_BEFORE:
        about = _("It ends on %(when)s.") % {"when": ends}
        return Check(title, "warn", f"{about} {_renewal(state)}")
    if state.is_own:
        return Check(title, "good", _("Of the box's own authority, which renews it by itself."))
    return Check(title, "good", _("Of %(issuer)s, until %(when)s.") % {"issuer": state.issuer, "when": ends})


def _renewal(state: CertificateState) -> str:
    if state.is_own:
        return _("The box renews it by itself: look whether the agent runs.")
    return _("On the machine `sudo boxctl certificate replace FILE` puts the new one in its place.")


def _second_factor() -> Check:
    """Who has everything: a password that was read over a shoulder must not be enough."""
    title = _("Second factor")
    bare = User.objects.active().filter(is_administrator=True, has_second_factor=False).order_by("sort_name")
    names = [person.name for person in bare[: NAMES_SHOWN + 1]]
    if not names:
        return Check(title, "good", _("Every administrator has one."))
    shown = ", ".join(names[:NAMES_SHOWN]) + ("…" if len(names) > NAMES_SHOWN else "")
    about = ngettext(
        "This administrator signs in with a password alone: %(names)s.",
        "These administrators sign in with a password alone: %(names)s.",
        len(names),
    ) % {"names": shown}
    return Check(title, "warn", about, reverse("accounts:security"), _("Set up your own"))


def _version(version: str) -> Check:
    about = _(
        "This is version %(version)s. The box asks nobody whether there is a newer one: whoever looks after"
        " it does, and runs its install.sh."
    ) % {"version": version}
    return Check(_("Updates"), "good", about)


def _moment(at: datetime) -> str:
    return date_format(localtime(at), "DATETIME_FORMAT")
