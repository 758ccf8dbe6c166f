"""What a demonstration company has to do with its clients: a sales department's year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from box.apps.crm.actions.activities import renew_next_steps
from box.apps.crm.actions.bulk import add_records
from box.apps.crm.actions.papers import PaymentDraft, add_paper, note_payment
from box.apps.crm.actions.plans import set_plan
from box.apps.crm.actions.records import NewRecord
from box.apps.crm.actions.web_forms import FormDraft, save_form
from box.apps.crm.catalog import catalog
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import (
    Activity,
    ActivityBinding,
    Link,
    Payment,
    Record,
    RecordType,
    Source,
    Stage,
    StageVisit,
)
from box.apps.crm.reminders import recount_due
from box.core.accounts.models import User
from box.core.registry.company import company_day
from box.core.registry.demo import Company
from box.lib.questions import Kind, Question

MOST_CLIENTS = 400
DEALS_A_CLIENT = 2
BATCH = 500
MOST_INVOICES = 60
# Of employees, who sell.
SELLERS = 0.05

_COMPANIES = (
    "Ромашка", "Rose Furniture", "Северный лес", "Blue Harbour", "Вектор", "Oak & Sons", "Заря", "Lumen",
    "Техносфера", "Nordlicht", "Каскад", "Granite", "Прогресс", "Willow", "Альтаир", "Copper Works",
)  # fmt: skip
_KINDS = ("ООО «{}»", "АО «{}»", "{} Ltd", "{} GmbH", "ТД «{}»")
_FIRST = ("Анна", "Ivan", "Мария", "Peter", "Ольга", "Clara", "Дмитрий", "Boris", "Елена", "Martin")
_LAST = (
    "Смирнова",
    "Petrov",
    "Кузнецова",
    "Miller",
    "Попова",
    "Weber",
    "Волков",
    "Novak",
    "Лебедева",
    "Kent",
)
_WANTED = (
    "Стулья для переговорной", "Office lamps", "Ремонт склада", "Delivery for a year", "Лицензии на 50 мест",
    "Service contract", "Оборудование кухни", "Website", "Обучение сотрудников", "New printers",
)  # fmt: skip
_STEPS = ("Позвонить и уточнить бюджет", "Send the offer", "Встреча у клиента", "Check the contract")


def sell(company: Company) -> None:
    """Clients with people and deals in every stage; leads; a next step for most of what is in progress."""
    count = min(MOST_CLIENTS, max(4, company.employees // 10))
    company.tell(f"{count} clients with their deals")
    sellers = list(User.objects.active().filter(pk__in=_sellers(company)).order_by("pk"))
    if not sellers:
        return
    firms = _added(company, _firms(company, count, sellers))
    people = _added(company, _people(company, firms))
    deals = _added(company, _deals(company, firms, people))
    leads = _added(company, _leads(company, count, sellers))
    _grow_old(company, [*deals, *leads])
    _plan(company, [*deals, *leads])
    for seller in sellers:
        recount_due(seller)
    _get_paid(company, deals)
    _ask_visitors(sellers)
    company.client_numbers = [f"+7916{1_000_000 + number}" for number in range(len(people))]


def _sellers(company: Company) -> Sequence[int]:
    return [*company.people[: max(2, int(len(company.people) * SELLERS))], *company.hosts]


def _added(company: Company, new: Iterator[NewRecord]) -> list[Record]:
    wanted = list(new)
    made: list[Record] = []
    for first in range(0, len(wanted), BATCH):
        for one in add_records(wanted[first : first + BATCH], by=None):
            if not isinstance(one, Record):
                raise one
            made.append(one)
    return made


def _firms(company: Company, count: int, sellers: Sequence[User]) -> Iterator[NewRecord]:
    random = company.random
    for number in range(count):
        name = random.choice(_KINDS).format(f"{random.choice(_COMPANIES)} {number + 1}")
        yield NewRecord(
            type=catalog().types[RecordType.Id.COMPANY], responsible=random.choice(sellers), title=name,
            tax_number=str(7_700_000_000 + number), source=_source(company),
            reached_by=[
                Reach("phone", f"+7495{1_000_000 + number}"), Reach("web", f"client{number}.example.com"),
            ],
        )  # fmt: skip


def _people(company: Company, firms: Sequence[Record]) -> Iterator[NewRecord]:
    random = company.random
    for number, firm in enumerate(firms):
        yield NewRecord(
            type=catalog().types[RecordType.Id.CONTACT], responsible=firm.responsible, company=firm,
            first_name=random.choice(_FIRST), last_name=f"{random.choice(_LAST)}",
            position=random.choice(("директор", "buyer", "бухгалтер", "office manager")),
            reached_by=[
                Reach("phone", f"+7916{1_000_000 + number}", use="mobile"),
                Reach("email", f"person{number}@client{number}.example.com"),
            ],
        )  # fmt: skip


def _deals(company: Company, firms: Sequence[Record], people: Sequence[Record]) -> Iterator[NewRecord]:
    random, kind = company.random, catalog().types[RecordType.Id.DEAL]
    stages = catalog().stages_of_type(kind)
    for firm, person in zip(firms, people, strict=True):
        for _number in range(random.randint(1, 2 * DEALS_A_CLIENT)):
            yield NewRecord(
                type=kind, stage=random.choice(stages), responsible=firm.responsible, company=firm,
                contact=person, title=random.choice(_WANTED), source=_source(company),
                amount=Decimal(random.randrange(15, 900) * 1000),
                expected_on=(company.now + timedelta(days=random.randrange(-20, 60))).date(),
            )  # fmt: skip


def _leads(company: Company, count: int, sellers: Sequence[User]) -> Iterator[NewRecord]:
    random, kind = company.random, catalog().types[RecordType.Id.LEAD]
    stages = [one for one in catalog().stages_of_type(kind) if one.kind != Stage.Kind.WON]
    for number in range(count):
        yield NewRecord(
            type=kind, stage=random.choice(stages), responsible=random.choice(sellers),
            title=random.choice(_WANTED), source=_source(company),
            reached_by=[Reach("phone", f"+7903{1_000_000 + number}")],
        )  # fmt: skip


def _source(company: Company) -> Source:
    return company.random.choice(catalog().standing_sources)


def _grow_old(company: Company, records: Sequence[Record]) -> None:
    """They came one after the other, within a year."""
    for record in records:
        age = timedelta(days=company.random.randrange(1, 365), minutes=company.random.randrange(600))
        record.created_at = record.stage_since = company.now - age
        record.changed_at = company.now - age / 3
        if record.closed_at is not None:
            record.closed_at = record.changed_at
    Record.objects.bulk_update(
        records, ["created_at", "stage_since", "changed_at", "closed_at"], batch_size=BATCH
    )
    entered = {record.pk: record.stage_since for record in records}
    visits = list(StageVisit.objects.filter(record__in=entered))
    for visit in visits:
        visit.entered_at = entered[visit.record_id]
    StageVisit.objects.bulk_update(visits, ["entered_at"], batch_size=BATCH)


def _get_paid(company: Company, deals: Sequence[Record]) -> None:
    """What was won has an invoice, most of them paid within a month; deliveries cost something. Whoever sells
    has a plan for the year."""
    random, invoices = company.random, catalog().types[RecordType.Id.INVOICE]
    won = [one for one in deals if one.stage and one.stage.kind == Stage.Kind.WON][:MOST_INVOICES]
    today = company_day(company.now)
    for deal in won:
        invoice = add_paper(deal, invoices, by=deal.responsible)
        closed = company_day(deal.closed_at or company.now)
        paid_on = min(today, closed + timedelta(days=random.randrange(30)))
        if random.random() < 0.8:
            note_payment(invoice, PaymentDraft(amount=deal.amount, on=paid_on), by=None)
        if random.random() < 0.4:
            spent = PaymentDraft(amount=deal.amount / 5, on=paid_on, direction=Payment.Direction.OUT)
            note_payment(deal, spent, by=None)
    boss = _administrator()
    for seller in {deal.responsible for deal in won}:
        if boss is not None:
            months = {month: Decimal(random.randrange(3, 12) * 100_000) for month in range(1, 13)}
            set_plan(seller, today.year, months, by=boss)


def _ask_visitors(sellers: Sequence[User]) -> None:
    """A form for the company's website, with a page for the drawing."""
    boss, leads = _administrator(), catalog().types[RecordType.Id.LEAD]
    if boss is None:
        return
    questions = (
        Question("q1", Kind.NAME, "Имя"),
        Question("q2", Kind.PHONE, "Телефон", is_required=True),
        Question("q3", Kind.TEXT, "Что вам нужно?"),
        Question("q4", Kind.PAGE, "Чертёж или фото"),
        Question("q5", Kind.FILE, "Файл"),
    )
    draft = FormDraft(
        name="Заявка с сайта", type=leads, stage=catalog().stages_of_type(leads)[0],
        heading="Оставьте заявку",
        button="Отправить", thanks="Спасибо! Мы скоро позвоним.", language="ru", questions=questions,
        receivers=list(sellers)[:5],
    )  # fmt: skip
    save_form(None, draft, by=boss)


def _administrator() -> User | None:
    found: User | None = User.objects.active().filter(is_administrator=True).order_by("pk").first()
    return found


def _plan(company: Company, records: Sequence[Record]) -> None:
    """One in six has been forgotten, and some are late."""
    random = company.random
    open_ones = [one for one in records if one.closed_at is None and random.random() > 1 / 6]
    rows = []
    for record in open_ones:
        at = company.now + timedelta(hours=random.randrange(-48, 240))
        rows.append(
            Activity(
                kind=random.choice(("call", "meeting", "email")), subject=random.choice(_STEPS),
                responsible=record.responsible, at=at, deadline=at, created_at=company.now,
            )
        )  # fmt: skip
    activities = Activity.objects.bulk_create(rows, batch_size=BATCH)
    bound = {record.pk: [record.pk] for record in open_ones}
    clients = Link.objects.filter(record__in=bound, role__in=(Link.Role.CONTACT, Link.Role.COMPANY))
    for record_id, client_id in clients.order_by("record_id", "rank", "id").values_list("record_id", "to_id"):
        bound[record_id].append(client_id)
    ActivityBinding.objects.bulk_create(
        (
            ActivityBinding(activity=activity, record_id=pk, at=activity.at, is_open=True)
            for activity, record in zip(activities, open_ones, strict=True)
            for pk in bound[record.pk]
        ),
        batch_size=BATCH,
    )
    renew_next_steps({pk for some in bound.values() for pk in some})
