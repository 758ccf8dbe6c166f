"""The columns of such tables, under all their names, and what whoever imports chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.crm.field_rights import PART_OF
from box.apps.crm.models import RecordType
from box.core.imports.importers import ImportField, Option

Id = RecordType.Id

# By which what is there is found, and what is made along.
BY_PHONE, BY_EMAIL, BY_TAX_NUMBER, BY_NAME = "by-phone", "by-email", "by-tax-number", "by-name"
MAKES_CLIENTS = "makes-clients"

OPTIONS: Mapping[str, Option] = {
    BY_PHONE: Option(BY_PHONE, gettext_lazy("The same telephone is the same client"), is_usual=True),
    BY_EMAIL: Option(BY_EMAIL, gettext_lazy("The same e-mail is the same client"), is_usual=True),
    BY_TAX_NUMBER: Option(
        BY_TAX_NUMBER, gettext_lazy("The same tax number is the same company"), is_usual=True
    ),
    BY_NAME: Option(BY_NAME, gettext_lazy("A name that sounds the same, in either script, is the same")),
    MAKES_CLIENTS: Option(MAKES_CLIENTS, gettext_lazy("Add clients that are missing"), is_usual=True),
}

# What tables and address books call these columns, without signs and spaces: our own exports, Google,
# Outlook in both languages, Bitrix24, amoCRM.
NAMES = (
    ImportField(
        "title", gettext_lazy("Full name"), "fullname displayname name фио имяфамилия полноеимя контакт"
    ),
    ImportField("last_name", gettext_lazy("Last name"), "lastname surname familyname фамилия"),
    ImportField("first_name", gettext_lazy("First name"), "firstname givenname имя"),
    ImportField(
        "patronymic", gettext_lazy("Patronymic"), "middlename additionalname patronymic secondname отчество"
    ),
    ImportField(
        "position",
        gettext_lazy("Position"),
        "position jobtitle organizationtitle organization1title title post должность",
    ),
    ImportField(
        "born_on", gettext_lazy("Date of birth"), "birthday birthdate dateofbirth деньрождения датарождения"
    ),
)
TITLES: Mapping[int, ImportField] = {
    Id.LEAD: ImportField(
        "title", gettext_lazy("Title of the lead"), "title lead название названиелида лид тема subject"
    ),
    Id.DEAL: ImportField(
        "title",
        gettext_lazy("Title of the deal"),
        "title deal dealname название названиесделки сделка тема",
        is_required=True,
    ),
    Id.COMPANY: ImportField(
        "title",
        gettext_lazy("Name of the company"),
        "title company companyname organization name название названиекомпании компания организация"
        " наименование",
        is_required=True,
    ),
}
OWN_TITLE = ImportField(
    "title", gettext_lazy("Title"), "title name subject название наименование тема", is_required=True
)
"""Of a company's own entities."""
REACHED: Sequence[ImportField] = (
    ImportField(
        "phone",
        gettext_lazy("Telephone"),
        "phone telephone phone1value workphone businessphone companymainphone phonenumber tel телефон"
        " рабочийтелефон телефоны",
    ),
    ImportField(
        "phone_mobile",
        gettext_lazy("Mobile phone"),
        "mobile mobilephone cellphone phone2value телефонпереносной мобильныйтелефон мобильный сотовый"
        " сотовыйтелефон",
    ),
    ImportField("phone_home", gettext_lazy("Home phone"), "homephone phone3value otherphone домашнийтелефон"),
    ImportField("fax", gettext_lazy("Fax"), "fax businessfax факс рабочийфакс"),
    ImportField(
        "email",
        gettext_lazy("E-mail"),
        "email emailaddress email1value email1address mail workemail почта эпочта электроннаяпочта"
        " адресэлпочты рабочийemail",
    ),
    ImportField(
        "email_2",
        gettext_lazy("Second e-mail"),
        "email2value email2address homeemail адрес2элпочты личныйemail частныйemail",
    ),
    ImportField("im", gettext_lazy("Messenger"), "messenger telegram im im1value skype мессенджер телеграм"),
    ImportField(
        "web", gettext_lazy("Website"), "website web webpage site url website1value вебстраница сайт"
    ),
)
ADDRESS = ImportField(
    "address",
    gettext_lazy("Address"),
    "address address1formatted businessaddress businessstreet адрес юридическийадрес улицарабадрес",
)
TAX_NUMBER = ImportField("tax_number", gettext_lazy("Tax number"), "taxnumber taxid vatid inn инн")
COMPANY = ImportField(
    "company",
    pgettext_lazy("client", "Company"),
    "company companyname organization organizationname organization1name client компания организация"
    " названиекомпании фирма клиент",
)
CONTACT: Sequence[ImportField] = (
    ImportField(
        "contact", gettext_lazy("Contact"), "contact contactname client person контакт фио имяклиента"
    ),
    ImportField("contact_phone", gettext_lazy("Telephone of the contact"), "phone telephone телефон"),
    ImportField("contact_email", gettext_lazy("E-mail of the contact"), "email mail почта эпочта"),
)
MONEY: Sequence[ImportField] = (
    ImportField(
        "amount", gettext_lazy("Amount"), "amount sum price value opportunity сумма бюджет стоимость"
    ),
    ImportField("currency", gettext_lazy("Currency"), "currency currencycode валюта"),
)
DATES: Sequence[ImportField] = (
    ImportField("begins_on", gettext_lazy("Begins on"), "begin begindate start датаначала"),
    ImportField(
        "expected_on",
        gettext_lazy("Expected to end on"),
        "closedate expectedclosedate end датазакрытия датазавершения",
    ),
)
STAGES: Sequence[ImportField] = (
    ImportField("pipeline", gettext_lazy("Pipeline"), "pipeline funnel category воронка направление"),
    ImportField("stage", gettext_lazy("Stage"), "stage status стадия статус этап этапсделки"),
)
COMMON: Sequence[ImportField] = (
    ImportField(
        "comment", gettext_lazy("Comment"), "comment comments note notes заметки комментарий примечание"
    ),
    ImportField("source", gettext_lazy("Source"), "source источник"),
    ImportField(
        "source_note", gettext_lazy("About the source"), "sourcedescription дополнительнообисточнике"
    ),
    ImportField(
        "responsible",
        gettext_lazy("Responsible"),
        "responsible owner assignedto manager ответственный менеджер",
    ),
    *(
        ImportField(name, name, name.replace("_", ""))
        for name in ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
    ),
)
TEXTS = frozenset(
    {
        "title", "last_name", "first_name", "patronymic", "position", "address", "tax_number", "comment",
        "source_note",
    }
)  # fmt: skip


def field_of(column: str) -> str:
    """The field, as rights by field call it, that a column of a table fills in."""
    if column in _REACHED:
        return "reached_by"
    if column.startswith("utm_"):
        return "source"
    return {"contact": "contacts", "contact_phone": "contacts", "contact_email": "contacts"}.get(
        column, PART_OF.get(column, column)
    )


_REACHED = frozenset(one.key for one in REACHED)
