"""What browsers send about uploads, as JSON: checked for its shape here, for its sense in `actions`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.lib import strict_json

if TYPE_CHECKING:
    from django.http import HttpRequest

LONGEST_ETAG = 128


@dataclass(frozen=True)
class NewUpload:
    """The file that is to come."""

    name: str
    size: int
    nonce: str

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        match _json(request, is_mended=True):
            # bool is a kind of int, True is not a size.
            case {"name": str(name), "size": int(size), "nonce": str(nonce)} if not isinstance(size, bool):
                if nonce.isascii() and nonce.isprintable():
                    return cls(name, size, nonce)
        raise _malformed()


@dataclass(frozen=True)
class Completion:
    """The ETags that the store gave for the parts, in the parts' order."""

    etags: list[str]

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        match _json(request):
            case {"etags": list(etags)} if all(
                isinstance(tag, str) and len(tag) <= LONGEST_ETAG for tag in etags
            ):
                return cls([tag.strip('"') for tag in etags])
        raise _malformed()


def first_part(request: HttpRequest, *, count: int) -> int:
    """The number of the part from which on links are asked for."""
    given = request.GET.get("from", "1")
    # isdecimal alone also takes the digits of other scripts, which int would read.
    if given.isascii() and given.isdecimal() and len(given) <= 5 and 1 <= int(given) <= count:
        return int(given)
    raise ValidationError(_("There is no such part."), code="part")


def _json(request: HttpRequest, *, is_mended: bool = False) -> Any:
    try:
        return strict_json.parsed(request.body, is_mended=is_mended)
    except ValueError:
        raise _malformed() from None


def _malformed() -> ValidationError:
    return ValidationError(
        _("This request is incomplete: reload the page and send it again."), code="malformed"
    )
