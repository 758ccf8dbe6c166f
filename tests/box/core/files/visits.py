"""Who may what, at the addresses of this room."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from box.core.accounts.models import User
from box.core.files.actions import attach, begin_upload
from box.core.files.models import Blob, File, new_key
from tests.box.visits import Cast, Visit, annas_alone, department, private, signed_in

VISITS = (
    Visit("POST", "files:uploads", signed_in(400)),
    Visit("GET", "files:parts", annas_alone(200), of="upload"),
    Visit("POST", "files:completion", annas_alone(409), of="upload", data={"etags": []}),
    Visit("DELETE", "files:upload", annas_alone(204), of="upload"),
    Visit("GET", "files:content", department(302), of="file"),
    Visit("GET", "files:preview", department(302), of="file"),
    Visit("GET", "files:thumbnail", department(302), of="file"),
    Visit("GET", "files:content", private(302), of="private file"),
)


def things(cast: Cast) -> dict[str, Any]:
    shared, private = _file(cast.anna), _file(cast.anna)
    attach([shared.pk], audience=[f"DR{cast.sales.pk}", f"U{cast.anna.pk}"], by=cast.anna)
    attach([private.pk], audience=[f"U{cast.anna.pk}", f"U{cast.boris.pk}"], by=cast.anna)
    upload = begin_upload("report.txt", 10, nonce="annas-upload", by=cast.anna)
    return {"file": shared.pk, "private file": private.pk, "upload": upload.pk}


def _file(owner: User) -> File:
    picture = Blob.objects.create(key=new_key(timezone.now()), size=1, inspected_at=timezone.now())
    blob = Blob.objects.create(key=new_key(timezone.now()), size=1, preview=picture, thumbnail=picture)
    return File.objects.create(owner=owner, name="plan.png", blob=blob, audience=[f"U{owner.pk}"])
