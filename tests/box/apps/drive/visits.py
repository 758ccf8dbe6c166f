"""Who may what, at the addresses of this room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from box.apps.drive.actions.sharing import make_link, share_item
from box.apps.drive.actions.trash import throw_away
from box.apps.drive.actions.tree import make_folder, root_of
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, create_group, join_group
from tests.box.apps.drive.conftest import put
from tests.box.visits import EMPLOYEES, SIGN_IN, Cast, Visit, annas_alone, private, signed_in

NEW = {"name": "x", "nonce": "made-by-a-form"}
THROW_NOTHING = {"do": "bulk:trash", "row": "999999"}
GONE_ON = {"expires_on": "2001-01-01"}


def members(status: int) -> tuple[int | str, ...]:
    """For the group of anna and boris, and administrators."""
    return (status, status, status, 404, 404, SIGN_IN)


def owning(status: int) -> tuple[int | str, ...]:
    """For anna, on whose drive boris may look and not change."""
    return (404, status, 403, 404, 404, SIGN_IN)


def employees(status: int) -> tuple[int | str, ...]:
    return (status, status, status, status, 404, SIGN_IN)


def anybody(status: int) -> tuple[int | str, ...]:
    """Also without an account."""
    return signed_in(status, nobody=status)


VISITS = (
    Visit("GET", "drive:home", (200, 200, 200, 200, 302, SIGN_IN)),
    Visit("POST", "drive:home", (400, 400, 400, 400, 302, SIGN_IN)),
    Visit("GET", "drive:company", EMPLOYEES),
    Visit("POST", "drive:company", employees(400)),
    Visit("GET", "drive:groups", signed_in(200)),
    Visit("POST", "drive:groups", signed_in(400)),
    Visit("GET", "drive:group", members(302), of="group with a drive"),
    Visit("GET", "drive:shared", signed_in(200)),
    Visit("POST", "drive:shared", signed_in(400)),
    Visit("GET", "drive:item", annas_alone(200), of="own file on a drive"),
    Visit("GET", "drive:item", annas_alone(200), of="own drive"),
    Visit("GET", "drive:item", private(200), of="shared folder on a drive"),
    Visit("GET", "drive:item", employees(200), of="company file on a drive"),
    Visit("GET", "drive:item", members(200), of="group folder on a drive"),
    Visit("GET", "drive:item", annas_alone(404), of="file in the trash of a drive"),
    Visit("POST", "drive:item", private(400), of="shared folder on a drive"),
    Visit(
        "POST",
        "drive:item",
        owning(200),
        of="shared folder on a drive",
        data={"do": "bulk:trash", "row": "0"},
    ),
    Visit("POST", "drive:item", annas_alone(405), of="own file on a drive"),
    Visit("POST", "drive:files", owning(409), of="shared folder on a drive"),
    Visit("POST", "drive:files", members(409), of="group folder on a drive"),
    Visit("POST", "drive:files", annas_alone(404), of="own file on a drive"),
    Visit("GET", "drive:folders", owning(200), of="shared folder on a drive"),
    Visit("GET", "drive:folders", employees(200), of="company folder on a drive"),
    Visit("POST", "drive:folders", owning(302), of="shared folder on a drive", data=NEW),
    Visit("POST", "drive:folders", members(422), of="group folder on a drive", data={"name": ""}),
    Visit("GET", "drive:name", owning(200), of="shared folder on a drive"),
    Visit("POST", "drive:name", owning(302), of="shared folder on a drive", data={"name": "x"}),
    Visit("POST", "drive:name", employees(422), of="company file on a drive", data={"name": ""}),
    Visit("POST", "drive:versions", annas_alone(409), of="own file on a drive"),
    Visit("POST", "drive:versions", employees(409), of="company file on a drive"),
    Visit("POST", "drive:versions", owning(409), of="shared file on a drive"),
    Visit("GET", "drive:access", owning(200), of="shared folder on a drive"),
    Visit("GET", "drive:access", members(200), of="group folder on a drive"),
    Visit("POST", "drive:access", owning(422), of="shared folder on a drive"),
    Visit("POST", "drive:access", employees(422), of="company folder on a drive"),
    Visit("POST", "drive:inheritance", owning(200), of="shared folder on a drive"),
    Visit("POST", "drive:inheritance", employees(200), of="company folder on a drive"),
    Visit("POST", "drive:links", owning(422), of="shared folder on a drive", data=GONE_ON),
    Visit("POST", "drive:links", members(422), of="group folder on a drive", data=GONE_ON),
    Visit("POST", "drive:links", owning(200), of="shared folder on a drive", data=NEW),
    Visit("GET", "drive:trash", annas_alone(200), of="own drive"),
    Visit("GET", "drive:trash", employees(200), of="company drive"),
    Visit("GET", "drive:trash", annas_alone(404), of="own file on a drive"),
    Visit("POST", "drive:trash", annas_alone(400), of="own drive"),
    Visit("GET", "drive:place", private(200), of="shared folder on a drive"),
    Visit("POST", "drive:place", private(409), of="shared folder on a drive"),
    Visit("GET", "drive:places", private(200), of="shared folder on a drive"),
    Visit("GET", "drive:places", annas_alone(404), of="own file on a drive"),
    Visit("POST", "drive:throwing", owning(302), of="shared file on a drive"),
    Visit("POST", "drive:throwing", annas_alone(404), of="file in the trash of a drive"),
    Visit("POST", "drive:restoration", annas_alone(302), of="file in the trash of a drive"),
    Visit("POST", "drive:restoration", annas_alone(404), of="own file on a drive"),
    Visit("DELETE", "drive:trashed", annas_alone(302), of="file in the trash of a drive"),
    Visit("DELETE", "drive:trashed", annas_alone(404), of="own file on a drive"),
    Visit("POST", "drive:version", owning(302), of="version on a drive"),
    Visit("GET", "drive:version-content", private(302), of="version on a drive"),
    Visit("DELETE", "drive:share", owning(200), of="share on a drive"),
    Visit("DELETE", "drive:link", owning(200), of="link to a drive"),
    Visit("GET", "drive:principals", employees(200)),
    Visit("GET", "drive:outside", anybody(200), of="open link to a drive"),
    Visit("POST", "drive:outside", anybody(200), of="open link to a drive"),
    Visit("GET", "drive:outside", anybody(200), of="link with a password"),
    Visit("POST", "drive:outside", anybody(422), of="link with a password", data={"password": "wrong"}),
    Visit("POST", "drive:outside", anybody(302), of="link with a password", data={"password": "open sesame"}),
    Visit("GET", "drive:outside", anybody(404), of="forged link"),
    Visit("POST", "drive:outside", anybody(404), of="forged link"),
    Visit("GET", "drive:outside-folder", anybody(200), of="folder behind a link"),
    Visit("POST", "drive:outside-folder", anybody(200), of="folder behind a link"),
    Visit("GET", "drive:outside-folder", anybody(404), of="folder beside a link"),
    Visit("POST", "drive:outside-folder", anybody(404), of="folder beside a link"),
    Visit("GET", "drive:outside-content", anybody(302), of="file behind a link"),
    Visit("GET", "drive:outside-content", anybody(404), of="file beside a link"),
    Visit("GET", "drive:outside-content", anybody(200), of="file behind a password"),
)


def things(cast: Cast) -> dict[str, Any]:
    anna, boris = cast.anna, cast.boris
    own, company = root_of(code_of(anna), by=anna), root_of("UA", by=anna)
    group = create_group(NewGroup("Drawings"), by=anna)
    join_group(group, by=boris)
    # With the group's code, whatever was known of her before.
    anna = User.objects.get(pk=anna.pk)
    diary, gone = put(own, "diary.txt", by=anna), put(own, "gone.txt", by=anna)
    throw_away([gone], by=anna)
    shared = make_folder(own, "letters", by=anna)
    inner, letter = make_folder(shared, "old", by=anna), put(shared, "letter.txt", by=anna)
    put(shared, "letter.txt", by=anna)
    share_item(shared, [code_of(boris)], can_edit=False, by=anna)
    until = timezone.now() + timedelta(days=1)
    link = make_link(shared, password="", expires_at=until, by=anna)
    locked = make_link(shared, password="open sesame", expires_at=None, by=anna)
    return {
        "group with a drive": group.pk,
        "own drive": own.pk,
        "own file on a drive": diary.pk,
        "file in the trash of a drive": gone.pk,
        "shared folder on a drive": shared.pk,
        "shared file on a drive": letter.pk,
        "company drive": company.pk,
        "company folder on a drive": make_folder(company, "forms", by=anna).pk,
        "company file on a drive": put(company, "form.txt", by=anna).pk,
        "group folder on a drive": make_folder(root_of(group.code, by=anna), "plans", by=anna).pk,
        "version on a drive": letter.versions.get().pk,
        "share on a drive": shared.shares.get().pk,
        "link to a drive": link.pk,
        "open link to a drive": (link.token,),
        "link with a password": (locked.token,),
        "forged link": (f"{locked.pk}:{link.token.partition(':')[2]}",),
        "folder behind a link": (link.token, inner.pk),
        "folder beside a link": (link.token, own.pk),
        "file behind a link": (link.token, letter.pk),
        "file beside a link": (link.token, diary.pk),
        "file behind a password": (locked.token, letter.pk),
    }
