"""What an administrator decides about entries that a run has left aside, in one step each: whose they are, or
that they are somebody new; and of whom no directory is to say anything any more."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.bridges.directory.actions import ask_run
from box.bridges.directory.events import EntryLinked, EntrySeparated, PersonUnlinked
from box.bridges.directory.models import Conflict, Connection, Link, Run
from box.bridges.directory.ownership import release_person, renumber_members
from box.bridges.directory.plan.clashes import AGAIN, APART
from box.bridges.directory.plan.values import GONE
from box.core.accounts.access import console_holders
from box.core.accounts.bulk import change_people
from box.core.accounts.models import User
from box.core.events.outbox import emit


@transaction.atomic
def link_entry(conflict: Conflict, *, by: User) -> Run:
    """The entry is the person's whom it is about: the run that is asked for writes what it says of them.
    Raises ValidationError for who is another entry already, or may be none."""
    held = _held(conflict)
    person = User.objects.select_for_update().filter(pk=held.person_id).first()
    if person is None:
        raise ValidationError(_("Nobody here is meant by it: it cannot be linked."))
    _refuse_local(person)
    link = _former_link(person)
    if link is None:
        link = Link(connection=held.connection, kind=Link.Kind.PERSON, object_id=person.pk)
    else:
        renumber_members(link.connection, {link.stable_id: held.stable_id})
    link.connection, link.stable_id, link.dn = held.connection, held.stable_id, held.dn
    # Everything is written anew by the next run, which also looks whether they may work here.
    link.fingerprint = ""
    link.save()
    held.connection.conflicts.filter(stable_id=held.stable_id).delete()
    emit(EntryLinked(connection_id=held.connection_id, user_id=person.pk, dn=held.dn, by_id=by.pk))
    return ask_run(held.connection, Run.Mode.SYNC, by=by, anew=True)


@transaction.atomic
def separate_entry(conflict: Conflict, *, by: User) -> Run:
    """The entry is of somebody new. Who was much like it and is gone gives up the names that both would
    have. Raises ValidationError for whose names are not for a directory to take, or whose entry is back."""
    held = _held(conflict)
    if held.kind not in (AGAIN, APART):
        raise ValidationError(_("There is nobody to be told apart from: change the name in the directory."))
    person = User.objects.select_for_update().filter(pk=held.person_id).first()
    if person is not None and held.kind == AGAIN:
        _refuse_local(person)
        _former_link(person)
        change_people({person.pk: {"login": _former_login(person), "email": ""}})
    held.decision, held.decided_by = Conflict.Decision.SEPARATE, by
    held.save(update_fields=["decision", "decided_by"])
    user_id = person.pk if person else None
    emit(EntrySeparated(connection_id=held.connection_id, user_id=user_id, dn=held.dn, by_id=by.pk))
    return ask_run(held.connection, Run.Mode.SYNC, by=by, anew=True)


@transaction.atomic
def unlink_person(link: Link, *, by: User) -> None:
    """The person stays as they are, and is the portal's own from now on: the entry waits in the list until
    somebody links it again."""
    _hold(link.connection_id)
    held = Link.objects.select_for_update().select_related("connection").filter(pk=link.pk).first()
    if held is None:
        raise ValidationError(_("This was done already: reload the page."))
    person = User.objects.get(pk=held.object_id)
    release_person(held.connection, person.pk)
    renumber_members(held.connection, {held.stable_id: ""})
    Conflict.objects.update_or_create(
        connection=held.connection, stable_id=held.stable_id, kind=APART,
        defaults={
            "person": person, "dn": held.dn, "name": person.name, "wanted": person.login,
            "decision": Conflict.Decision.APART, "decided_by": by,
        },
    )  # fmt: skip
    held.delete()
    emit(PersonUnlinked(connection_id=held.connection_id, user_id=person.pk, by_id=by.pk))


def _hold(connection_id: int) -> None:
    """Between two batches of a run that is going: the next leaves alone whom somebody has decided about."""
    Connection.objects.select_for_update().get(pk=connection_id)


def _held(conflict: Conflict) -> Conflict:
    _hold(conflict.connection_id)
    held = Conflict.objects.open().select_related("connection").filter(pk=conflict.pk).first()
    if held is None:
        raise ValidationError(_("This was done already: reload the page."))
    return held


def _former_link(person: User) -> Link | None:
    """By which they were an entry that is gone. Raises ValidationError for whose entry is there."""
    link = Link.objects.people().select_for_update().filter(object_id=person.pk).first()
    if link is None or link.leaving_why == GONE:
        return link
    raise ValidationError(
        _("%(name)s is another entry already: %(dn)s") % {"name": person.name, "dn": link.dn}
    )


def _refuse_local(person: User) -> None:
    if person.pk in console_holders():
        raise ValidationError(
            _("%(name)s holds a role of the Console, and stays local: take the role away first.")
            % {"name": person.name}
        )
    if person.is_extranet:
        raise ValidationError(_("%(name)s is an outside guest, and no employee.") % {"name": person.name})


def _former_login(person: User) -> str:
    mark = f".{person.pk}"
    return f"{person.login[: 150 - len(mark)]}{mark}"
