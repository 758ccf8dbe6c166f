"""Drives, folders and files, for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.drive.access import has_own_drive
from box.apps.drive.actions import tree
from box.apps.drive.actions.locking import allowed, locked_folder, locked_item
from box.apps.drive.actions.sharing import make_link
from box.apps.drive.actions.trash import throw_away
from box.apps.drive.actions.versions import new_version
from box.apps.drive.models import Item, ItemQuerySet, OutsideLink, roots_of
from box.apps.drive.presenters import name_of
from box.core.access.principals import EVERYONE, code_of, codes_of
from box.core.accounts.models import User
from box.core.files.actions import checked_name, store_whole, take_in
from box.core.files.display import link_to
from box.core.files.rest import Sent, sent
from box.core.groups.models import Group
from box.core.registry.filtering import (
    Filterable,
    Moment,
    Named,
    Number,
    Text,
    condition_of,
    order_of,
)
from box.core.registry.rest import (
    DOCS,
    UPLOAD_FIELD,
    ApiRefused,
    AsSent,
    Call,
    Conditions,
    Download,
    Listing,
    ListParameters,
    Method,
    Parameters,
    Scope,
    Sorting,
    YesNo,
    download_address,
    downloads,
    listed,
    methods,
    not_found,
    scopes,
    shaped,
    upload_address,
)

SCOPE = "disk"
_ORDERS = {"ID": "id", "NAME": "name", "CREATE_TIME": "created_at", "UPDATE_TIME": "changed_at"}
_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("id"),
    "NAME": Text("name"),
    "CREATE_TIME": Moment("created_at"),
    "UPDATE_TIME": Moment("changed_at"),
    "CREATED_BY": Number("created_by"),
}
_KINDS = {
    "common": Q(drive__code=EVERYONE),
    "user": Q(drive__code__startswith="U") & ~Q(drive__code=EVERYONE),
    "group": Q(drive__code__startswith="G"),
}
# Names are made for whoever reads them, and are no column.
_STORAGE_FILTERS: Mapping[str, Filterable] = {
    "ID": Number("drive"),
    "CODE": Text("drive__code"),
    "ENTITY_TYPE": Named(_KINDS),
    "ROOT_OBJECT_ID": Number("id"),
}
_STORAGE = dict.fromkeys(
    ("ID", "NAME", "CODE", "MODULE_ID", "ENTITY_TYPE", "ENTITY_ID", "ROOT_OBJECT_ID"), "string"
)
_ITEM = {
    **dict.fromkeys(("ID", "NAME", "STORAGE_ID", "TYPE", "PARENT_ID", "DETAIL_URL"), "string"),
    **dict.fromkeys(("CREATE_TIME", "UPDATE_TIME", "CREATED_BY", "UPDATED_BY"), "string"),
    "DELETED_TYPE": "string",
    "DOWNLOAD_URL": "string",
    "REAL_OBJECT_ID": "string",
    "FILE_ID": "string",
    "SIZE": "string",
    "GLOBAL_CONTENT_VERSION": "string",
}


class StorageList(ListParameters):
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"ID": "ASC"}.'))


class One(Parameters):
    ID = forms.IntegerField(help_text=gettext_lazy("Its number."))


class Children(ListParameters):
    ID = forms.IntegerField(help_text=gettext_lazy("Its number."))
    FILTER = Conditions(required=False, help_text=gettext_lazy("Conditions by field."))
    ORDER = Sorting(required=False, help_text=gettext_lazy('The direction by field, {"NAME": "ASC"}.'))


class AddFolder(One):
    DATA = Conditions(help_text=gettext_lazy('What it is called: {"NAME": "Plans"}.'))

    @property
    def name(self) -> str:
        values = {key.upper(): value for key, value in self.cleaned_data["DATA"].items()}
        return str(values.get("NAME") or "")


class Upload(One):
    DATA = Conditions(required=False, help_text=gettext_lazy('What it is called: {"NAME": "plan.txt"}.'))
    FILECONTENT = AsSent(
        required=False,
        help_text=gettext_lazy(
            "The file's name, and its bytes in Base64. Without it the answer says where to send them."
        ),
    )
    GENERATEUNIQUENAME = YesNo(
        required=False, help_text=gettext_lazy("With a number behind its name, where that is taken.")
    )


class Rename(One):
    NEWNAME = forms.CharField(strip=False, help_text=gettext_lazy("What it is called from now on."))


class Move(One):
    TARGETFOLDERID = forms.IntegerField(help_text=gettext_lazy("The folder into which it goes."))


def storages(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/disk/storage/disk-storage-get-list.html"""
    found = _roots(call).filter(condition_of(call.values["FILTER"], _STORAGE_FILTERS))
    order = order_of("", call.values["ORDER"], {"ID": "drive"})
    return Listing(found, lambda rows: [_storage(root, call) for root in rows], order)


def _roots(call: Call) -> Any:
    """The drives of this person, of the company, and of the groups that they are in."""
    own = {code_of(call.user), EVERYONE} if has_own_drive(call.user) else set()
    for code in own:
        tree.root_of(code, by=call.user)
    codes = {code for code in codes_of(call.user) if code in own or code.startswith("G")}
    if call.may_transfer:
        # Of all groups, as an administrator sees them; what is a person's own is theirs alone.
        codes |= _drives_of_groups(call)
    return roots_of(codes)


def _drives_of_groups(call: Call) -> set[str]:
    """Made where there is none yet: a migration puts files there."""
    codes = {f"G{pk}" for pk in Group.objects.values_list("pk", flat=True)}
    for code in codes.difference(roots_of(codes).values_list("drive__code", flat=True)):
        tree.root_of(code, by=call.user)
    return codes


def _storage(root: Item, call: Call) -> dict[str, Any]:
    drive = root.drive
    kind = "common" if drive.is_company else "user" if drive.is_personal else "group"
    return {
        "ID": str(drive.pk),
        "NAME": name_of(drive, call.user),
        "CODE": drive.code,
        "MODULE_ID": SCOPE,
        "ENTITY_TYPE": kind,
        "ENTITY_ID": "0" if drive.is_company else drive.code.lstrip("UG"),
        "ROOT_OBJECT_ID": str(root.pk),
    }


def storage(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/disk/storage/disk-storage-get.html"""
    return _storage(_root(call), call)


def storage_children(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/disk/storage/disk-storage-get-children.html"""
    return _children(_root(call), call)


def add_to_storage(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/disk/storage/disk-storage-add-folder.html"""
    return _add(_root(call), call)


def _root(call: Call) -> Item:
    root: Item | None = _roots(call).filter(drive=call.values["ID"]).first()
    if root is None:
        raise not_found(_("There is no such drive, or it is not yours to open."))
    return root


def found_item(call: Call, *, folders: bool, name: str = "ID") -> Item:
    seen = Item.objects.visible_to(call.user).there().filter(is_folder=folders)
    found = seen.select_related("drive", "parent", "file__blob").filter(pk=call.values[name]).first()
    if found is None:
        raise not_found(_("There is no such thing on a drive, or you don't see it."))
    return found


def children(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/disk/folder/disk-folder-get-children.html"""
    return _children(found_item(call, folders=True), call)


def _children(folder: Item, call: Call) -> Listing[Item]:
    seen: ItemQuerySet = Item.objects.visible_to(call.user).in_folder(folder).select_related("file__blob")
    found = seen.filter(condition_of(call.values["FILTER"], _FILTERS))
    return Listing(found, lambda rows: _shown(rows, call), order_of("", call.values["ORDER"], _ORDERS))


def _shown(rows: Sequence[Item], call: Call) -> list[dict[str, Any]]:
    return [
        {
            "ID": str(item.pk),
            "NAME": item.name,
            "STORAGE_ID": str(item.drive_id),
            "TYPE": "folder" if item.is_folder else "file",
            "PARENT_ID": str(item.parent_id or ""),
            "CREATE_TIME": timezone.localtime(item.created_at).isoformat(timespec="seconds"),
            "UPDATE_TIME": timezone.localtime(item.changed_at).isoformat(timespec="seconds"),
            "CREATED_BY": str(item.created_by_id),
            "UPDATED_BY": str(item.changed_by_id),
            "DETAIL_URL": f"{settings.PORTAL_URL}{item.get_absolute_url()}",
            "DELETED_TYPE": "0",
            **_of_its_kind(item, call),
        }
        for item in rows
    ]


def _of_its_kind(item: Item, call: Call) -> dict[str, str]:
    if item.file is None:
        return {"REAL_OBJECT_ID": str(item.pk)}
    size, version = str(item.file.blob.size), str(item.version)
    return {
        "FILE_ID": str(item.file.pk),
        "SIZE": size,
        "GLOBAL_CONTENT_VERSION": version,
        "DOWNLOAD_URL": download_address(SCOPE, item.pk, call),
    }


def address_of_bytes(user: User, pk: int, host: str) -> str:
    """See `box.core.registry.rest.Download`."""
    item = Item.objects.visible_to(user).there().select_related("file__blob").filter(pk=pk).first()
    if item is None or item.file is None:
        raise not_found(_("There is no such thing on a drive, or you don't see it."))
    return link_to(item.file, host=host)


def add_folder(call: Call) -> Any:
    """https://apidocs.bitrix24.com/api-reference/disk/folder/disk-folder-add-subfolder.html"""
    return _add(found_item(call, folders=True), call)


def _add(folder: Item, call: Call) -> dict[str, Any]:
    assert isinstance(call.parameters, AddFolder)  # noqa: S101 - as it is declared
    return _shown([tree.make_folder(folder, call.parameters.name, by=call.author)], call)[0]


def _answered(act: Callable[[Item, Call], object], *, folders: bool) -> Callable[[Call], Any]:
    """Does it, and answers with what came of it."""

    def answer(call: Call) -> Any:
        item = found_item(call, folders=folders)
        act(item, call)
        again = Item.objects.select_related("file__blob").get(pk=item.pk)
        return _shown([again], call)[0]

    return answer


def _get(item: Item, call: Call) -> None:
    pass


def _rename(item: Item, call: Call) -> None:
    tree.rename_item(item, call.values["NEWNAME"], by=call.user)


def _move(item: Item, call: Call) -> None:
    tree.move_items([item], found_item(call, folders=True, name="TARGETFOLDERID"), by=call.user)


def _throw_away(item: Item, call: Call) -> None:
    throw_away([item], by=call.user)


def _uploaded(folder: Item, call: Call) -> Item:
    """https://apidocs.bitrix24.com/api-reference/disk/folder/disk-folder-upload-file.html

    A name that is taken is refused, or gets a number where the program asks for that.
    """
    file = _content(call)
    with transaction.atomic():
        # Before any byte is stored of whoever may not.
        _name_in(folder, file.name, call)
    stored = store_whole(file.content)
    with transaction.atomic():
        # Meanwhile somebody may have put another one there, which is not to become a version of theirs.
        free = _name_in(folder, file.name, call)
        added = tree.add_files(folder, [take_in(stored, free, by=call.author).pk], by=call.author)
    return added.new[0]


def _name_in(folder: Item, name: str, call: Call) -> str:
    """Under which it is put there, with the folder locked until the transaction is over."""
    folder = locked_folder(folder, by=call.user)
    if not Item.objects.in_folder(folder).called(name).exists():
        return name
    if not call.values["GENERATEUNIQUENAME"]:
        raise ApiRefused("DISK_OBJ_22000", _("Something is called so in this folder already."))
    return tree.free_name(folder, name)


def _uploaded_to_storage(call: Call) -> Item:
    """https://apidocs.bitrix24.com/api-reference/disk/storage/disk-storage-upload-file.html"""
    return _uploaded(_root(call), call)


def _uploaded_to_folder(call: Call) -> Item:
    return _uploaded(_folder(call), call)


def _uploaded_version(call: Call) -> Item:
    """https://apidocs.bitrix24.com/api-reference/disk/file/disk-file-upload-version.html"""
    item = found_item(call, folders=False)
    content = _content(call, usual=item.name).content
    with transaction.atomic():
        locked_item(item, by=call.user)
    stored = store_whole(content)
    with transaction.atomic():
        new_version(item, take_in(stored, item.name, by=call.author).pk, by=call.author)
    return item


def _content(call: Call, *, usual: str = "") -> Sent:
    """Under the name that stands in DATA, or with the bytes. Raises ValidationError."""
    named = {str(key).upper(): value for key, value in call.values["DATA"].items()}
    name = str(named.get("NAME") or "")
    try:
        file = sent(call.values["FILECONTENT"], usual=name or usual)
    except ValidationError as error:
        raise ValidationError([f"fileContent: {text}" for text in error.messages]) from None
    return replace(file, name=checked_name(name)) if name else file


def _has_content(call: Call) -> bool:
    return "FILECONTENT" in call.parameters.given


def _folder(call: Call) -> Item:
    return found_item(call, folders=True)


def _file(call: Call) -> Item:
    return found_item(call, folders=False)


def _in_one_step_or_two(
    method: str, find: Callable[[Call], Item], put: Callable[[Call], Item]
) -> Callable[[Call], Any]:
    """https://apidocs.bitrix24.com/api-reference/files/how-to-upload-files.html: without its content the
    answer says where that is to be sent, which is for larger ones."""

    def answer(call: Call) -> Any:
        if _has_content(call):
            return put(call)
        allowed(find(call), by=call.user)
        return {"field": UPLOAD_FIELD, "uploadUrl": upload_address(method, call)}

    return answer


def _told_again(item: Item, call: Call) -> Any:
    again = Item.objects.select_related("file__blob").get(pk=item.pk)
    return _shown([again], call)[0]


def _sees(item: Item, call: Call) -> bool:
    return Item.objects.visible_to(call.user).there().filter(pk=item.pk).exists()


def external_link(call: Call) -> str:
    """https://apidocs.bitrix24.com/api-reference/disk/file/disk-file-get-external-link.html

    Without an end and without a password; one that this person has made of the kind already is given again.
    """
    file = found_item(call, folders=False)
    known = OutsideLink.objects.open(call.now).filter(item=file, created_by=call.user, expires_at=None)
    link = known.filter(password="").order_by("pk").first()
    if link is None:
        link = make_link(file, password="", expires_at=None, by=call.user)
    return f"{settings.PORTAL_URL}{link.get_absolute_url()}"


def declare() -> None:
    label = gettext_lazy("Drives")
    downloads.add(SCOPE, Download(SCOPE, "drive", address_of_bytes))
    scopes.add(SCOPE, Scope(label, gettext_lazy("Work with files and folders as you may."), room="drive"))
    for name, about, parameters, answer, result in _methods():
        is_list = name.endswith(("children", "getlist"))
        makes: dict[str, Any] = {}
        if parameters is Upload:
            makes = {"makes": Item, "made": _told_again, "sees": _sees, "makes_now": _has_content}
        takes_over = parameters in (Upload, AddFolder)
        methods.add(
            name,
            Method(
                room="drive",
                scopes=(SCOPE,),
                about=about,
                parameters=parameters,
                answer=answer,
                filters=(_FILTERS if parameters is Children else _STORAGE_FILTERS) if is_list else {},
                result=result,
                source=f"{DOCS}disk/",
                takes_over=takes_over,
                **makes,
            ),
        )


def _methods() -> Any:
    item, items = shaped(**_ITEM), listed(**_ITEM)
    uploaded = shaped(**_ITEM, field="string", uploadUrl="string")
    yield (
        "disk.storage.getlist",
        gettext_lazy("The drives that you have."),
        StorageList,
        storages,
        listed(**_STORAGE),
    )
    yield "disk.storage.get", gettext_lazy("A drive."), One, storage, shaped(**_STORAGE)
    inside = gettext_lazy("Folders and files on a drive.")
    yield "disk.storage.getchildren", inside, Children, storage_children, items
    made = gettext_lazy("Makes a folder; answers with it.")
    yield "disk.storage.addfolder", made, AddFolder, add_to_storage, item
    yield "disk.folder.addsubfolder", made, AddFolder, add_folder, item
    yield "disk.folder.getchildren", gettext_lazy("Folders and files in a folder."), Children, children, items
    for kind, folders in (("folder", True), ("file", False)):
        about = gettext_lazy("A folder.") if folders else gettext_lazy("A file, without its bytes.")
        yield f"disk.{kind}.get", about, One, _answered(_get, folders=folders), item
        renames = gettext_lazy("Calls it otherwise.")
        yield f"disk.{kind}.rename", renames, Rename, _answered(_rename, folders=folders), item
        moves = gettext_lazy("Moves it into another folder.")
        yield f"disk.{kind}.moveto", moves, Move, _answered(_move, folders=folders), item
        trashes = gettext_lazy("Moves it into the trash.")
        yield f"disk.{kind}.markdeleted", trashes, One, _answered(_throw_away, folders=folders), item
    puts = gettext_lazy("Puts a file there; answers with it.")
    renews = gettext_lazy("Gives a file new bytes; what it was stays as a version.")
    for name, about, find, put in (
        ("disk.storage.uploadfile", puts, _root, _uploaded_to_storage),
        ("disk.folder.uploadfile", puts, _folder, _uploaded_to_folder),
        ("disk.file.uploadversion", renews, _file, _uploaded_version),
    ):
        yield name, about, Upload, _in_one_step_or_two(name, find, put), uploaded
    link = gettext_lazy("The address at which whoever has it opens the file without an account.")
    yield "disk.file.getexternallink", link, One, external_link, {"type": "string"}
