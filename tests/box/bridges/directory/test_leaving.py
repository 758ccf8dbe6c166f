"""From the directory to the open page: who is imported signs in, and who is disabled there is out here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import Post
from box.bridges.directory.mapping import SignIn
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.files.models import Blob, File, new_key
from tests.box.bridges.directory.companies import connected, person, synchronised
from tests.box.bridges.directory.conftest import ANNA, SECRET
from tests.box.core.push.listening import listening
from tests.box.processes import PUSH, configuration, serving
from tests.box.rest.calling import program_of
from tests.directory import entries

if TYPE_CHECKING:
    from tests.directory.samba import Samba

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("patience")]


@pytest.fixture
def push(transactional_db: None, tmp_path: Path) -> Iterator[Path]:
    """The socket of a push service that runs."""
    path = tmp_path / "push.sock"
    with serving([*PUSH, "--uds", str(path)], path, env=configuration(tmp_path)):
        yield path


def test_who_is_disabled_in_the_directory_is_signed_out_with_all_programs(
    corp: Samba, push: Path, boris: User
) -> None:
    cache.clear()
    connection = connected(corp, corp.base, sign_in=SignIn(is_on=True))
    assert synchronised(connection).error == ""
    client = Client(headers={"X-Forwarded-Proto": "https"})
    signed_in = client.post("/sign-in/", {"login": "anna", "password": SECRET}, REMOTE_ADDR="10.9.9.9")
    assert signed_in.status_code == 302
    anna = person("anna")
    blob = Blob.objects.create(key=new_key(timezone.now()), size=3)
    file = File.objects.create(owner=anna, name="plan.txt", blob=blob, audience=[f"U{anna.pk}"])
    post = publish_post(Draft("I was here", file_ids=(file.pk,)), by=anna)
    deliver_all()
    program = program_of(anna)
    assert program.call("profile")["ID"] == str(anna.pk)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    with listening(push, session) as page:
        corp.apply(entries.modify(ANNA, userAccountControl="514"))
        try:
            assert synchronised(connection).error == ""
            # At once, before anybody has heard of it.
            assert program.error("profile") == (401, "NO_AUTH_FOUND")
            deliver_all()
            kinds = []
            while (event := page.next()) is not None:
                kinds.append(event.kind)
            again = client.post("/sign-in/", {"login": "anna", "password": SECRET}, REMOTE_ADDR="10.9.9.8")
        finally:
            corp.apply(entries.modify(ANNA, userAccountControl="512"))
    assert kinds[-1] == "signed-out"
    assert client.get("/feed/").status_code == 302
    assert "Your account is disabled" in again.content.decode()
    anna.refresh_from_db()
    assert anna.status == User.Status.SUSPENDED
    assert anna.webhooks.get().revoked_at is not None
    # What was shared stays shared.
    assert Post.objects.get(pk=post.pk).author_id == anna.pk
    colleague = Client(headers={"X-Forwarded-Proto": "https"})
    colleague.force_login(boris)
    assert "I was here" in colleague.get("/feed/").content.decode()
    link = colleague.get(f"/files/{file.pk}/content")
    assert (link.status_code, blob.key in link.headers["Location"]) == (302, True)
