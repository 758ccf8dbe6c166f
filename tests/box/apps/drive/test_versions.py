"""What a file was before: who gave it its bytes, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.drive.actions.tree import make_folder
from box.apps.drive.actions.versions import bring_back_version, new_version
from box.apps.drive.models import Item, Version
from tests.box.apps.drive.conftest import put, uploaded

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def test_each_version_says_who_gave_it_and_when(anna: User, boris: User, company: Item) -> None:
    plan = put(company, by=anna)
    was_at = plan.changed_at
    new_version(plan, uploaded(boris).pk, by=boris)
    plan.refresh_from_db()
    assert (plan.changed_by, plan.changed_at > was_at) == (boris, True)
    first = Version.objects.get()
    assert (first.by, first.made_at) == (anna, was_at)
    was_at = plan.changed_at
    bring_back_version(first, by=anna)
    plan.refresh_from_db()
    assert (plan.changed_by, plan.changed_at > was_at) == (anna, True)
    second = Version.objects.latest("number")
    assert (second.by, second.made_at) == (boris, was_at)


def test_a_folder_has_no_versions(anna: User, annas: Item) -> None:
    letters = make_folder(annas, "letters", by=anna)
    given = uploaded(anna)
    with pytest.raises(ValidationError, match="A folder has no versions"):
        new_version(letters, given.pk, by=anna)
    given.refresh_from_db()
    assert given.attached_at is None
