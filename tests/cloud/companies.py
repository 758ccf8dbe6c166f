"""Companies that tests move: one on its first day, and one with something of everything."""

from __future__ import annotations

import io
import wave
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.cloud.company import HOST, Company, at, picture


def empty_company() -> Company:
    """A portal on its first day: one person, one department, the stages that it has by itself."""
    there = Company()
    there.department(1, "Their company", head=1)
    there.person(1, "Olga", UF_DEPARTMENT=[1])
    there.storage(1, "common", "shared_files_s1", "Company drive")
    there.storage(2, "user", 1, "Olga")
    for entity, stages in {
        "STATUS": (("NEW", "New", None), ("CONVERTED", "Good lead", "S"), ("JUNK", "Junk", "F")),
        "DEAL_STAGE": (("NEW", "First", None), ("WON", "Won", "S"), ("LOSE", "Lost", "F")),
        "SOURCE": (("CALL", "Call", None),),
    }.items():
        for place, (code, name, semantics) in enumerate(stages, 1):
            there.status(entity, code, name, semantics)
            there.statuses[-1]["SORT"] = 10 * place
    there.categories.append({"id": 0, "name": "General", "sort": 10})
    return there


def small_company() -> Company:
    """Of everything something, and of most kinds more than a page."""
    company = Company()
    company.department(1, "Company", head=1)
    company.department(2, "Sales", 1, head=2)
    company.department(3, "Support", 2)
    company.person(
        1,
        "Anna",
        "Orlova",
        UF_DEPARTMENT=[1],
        PERSONAL_PHOTO=f"https://{HOST}/upload/main/a.png",
        PERSONAL_BIRTHDAY="1985-06-09T03:00:00+03:00",
    )
    company.contents["/upload/main/a.png"] = picture()
    company.person(2, "Boris", "Petrov", UF_DEPARTMENT=[2], WORK_POSITION="Head of sales")
    company.person(3, "Cara", "Lind", UF_DEPARTMENT=[2, 3], XML_ID="{0D-3}")
    company.person(4, "Dora", "Gone", ACTIVE=False, UF_DEPARTMENT=[2])
    company.person(5, "Erik", "Guest", USER_TYPE="extranet")
    for number in range(10, 65):
        company.person(number, f"P{number}", UF_DEPARTMENT=[3])
    company.group(1, "Launch", 2, {1: "E", 3: "K"}, DESCRIPTION="What [b]we[/b] launch")
    company.group(2, "Board", 1, {2: "K"}, VISIBLE="N", OPENED="N")
    company.group(3, "Old times", 4, {3: "K"}, CLOSED="Y")
    plan = company.attach("plan.txt", b"The plan of spring")
    photo = company.attach("office.png", picture("red"))
    company.post(1, 1, "Welcome, [user=2]Boris[/user]! [b]Read[/b] [url=https://example.com/]this[/url]")
    company.post(
        2,
        2,
        f"See [disk file id=n{company.attachments[photo]['OBJECT_ID']}] of the office",
        ("SG1",),
        FILES=[plan, photo],
    )
    company.post(
        3, 4, f"Look at https://{HOST}/company/personal/user/2/tasks/task/view/7/ please", ("U2", "U4")
    )
    for number in range(10, 75):
        company.post(number, 3, f"Post {number} of #spring", ("DR2",) if number % 2 else ("UA",))
    company.comment(1, 2, 1, "Thank you, [user=1]Anna[/user]")
    company.comment(2, 3, 1, "[quote]Thank you[/quote] Me too", (company.attach("note.txt", b"A note"),))
    company.task(
        7,
        "Write the offer",
        1,
        2,
        description="[list][*]price[*]terms[/list]",
        groupId=1,
        status=3,
        accomplices=[3],
        auditors=[10],
        deadline=at(90, year=2031),
        priority=2,
        timeEstimate=7200,
        xmlId="1C-7",
        ufCrmTask=["D_1", "CO_1", "T96_5"],
        tags={"1": {"id": 1, "title": "Spring"}},
        ufTaskWebdavFiles=[company.attach("brief.txt", b"Brief")],
    )
    company.task(8, "Call the client", 2, 3, parentId=7, status=5, priority=0, closedBy=3, closedDate=at(95))
    top = company.check(7, "BX_CHECKLIST_1")
    company.check(7, "Ask for the price", done_by=2, parent=top)
    company.check(7, "Send it", parent=top)
    company.task_comment(7, 2, "Half of it is ready", (company.attach("half.txt", b"Half"),))
    company.time(7, 2, 5400, "Calculated")
    for number in range(20, 75):
        # One is older than what it became a part of.
        company.task(number, f"Task {number}", 1, 10 + number % 40, parentId=25 if number == 20 else 0)
    company.links |= {(20, 21): 2, (21, 22): 0}
    company.related.append((8, 20))
    company.reactions |= {
        ("post", 1): {2: "like", 3: "like", 4: "laugh"},
        ("task", 7): {1: "like"},
        ("comment", 1): {1: "like"},
    }
    company.storage(1, "common", "shared_files_s1", "Company drive")
    company.storage(2, "user", 2, "Boris Petrov")
    company.storage(3, "group", 1, "Launch")
    papers = company.folder(("storage", 1), "Papers", 1)
    company.file(("folder", papers), "rules.txt", 1, b"First rules", b"Second rules")
    company.file(("storage", 2), "mine.txt", 2, b"Mine")
    deep = company.folder(("folder", papers), "2021", 2)
    company.file(("folder", deep), "report.txt", 2, b"Report")
    for entity, stages in {
        "STATUS": (
            ("NEW", "New", None),
            ("TALK", "Talking", None),
            ("CONVERTED", "Good", "S"),
            ("JUNK", "Junk", "F"),
        ),
        "DEAL_STAGE": (("NEW", "First", None), ("WON", "Won", "S"), ("LOSE", "Lost", "F")),
        "DEAL_STAGE_5": (
            ("C5:NEW", "Asked", None),
            ("C5:PREPARATION", "Offer", None),
            ("C5:WON", "Done", "S"),
            ("C5:LOSE", "No", "F"),
        ),
    }.items():
        for code, name, semantics in stages:
            company.status(entity, code, name, semantics, color="#3366CC")
    company.status("SOURCE", "CALL", "Call")
    company.status("SOURCE", "FAIR", "Spring fair")
    company.categories += [
        {"id": 0, "name": "General", "sort": 10},
        {"id": 5, "name": "Wholesale", "sort": 20},
    ]
    company.record(
        "company", 1, "Rose Ltd", 2, PHONE=[{"ID": 1, "VALUE": "+49 30 901820", "VALUE_TYPE": "WORK"}]
    )
    company.requisites += [
        {"ID": pk, "ENTITY_TYPE_ID": type_, "ENTITY_ID": 1, "NAME": "Of its own", "RQ_INN": number}
        for pk, type_, number in ((1, 4, ""), (2, 4, "7707083893"), (3, 3, "500100732259"))
    ]
    company.record(
        "contact",
        1,
        "",
        2,
        NAME="Nina",
        LAST_NAME="Rose",
        COMPANY_ID=1,
        POST="Buyer",
        EMAIL=[{"ID": 2, "VALUE": "nina@rose.example", "VALUE_TYPE": "WORK"}],
        SOURCE_ID="FAIR",
    )
    company.record(
        "contact", 2, "", 3, NAME="Otto", LAST_NAME="Rose", ORIGINATOR_ID="1C", ORIGIN_ID="c-2",
        ORIGIN_VERSION="7",
    )  # fmt: skip
    company.record("lead", 1, "A question", 3, NAME="Paul", STATUS_ID="TALK", SOURCE_ID="CALL")
    company.record(
        "deal",
        1,
        "A thousand roses",
        2,
        CATEGORY_ID=5,
        STAGE_ID="C5:PREPARATION",
        CONTACT_ID=1,
        COMPANY_ID=1,
        OPPORTUNITY="1500.50",
        COMMENTS="In [b]June[/b]",
        BEGINDATE=at(60),
        CLOSEDATE=at(90),
    )
    company.deal_contacts[1] = [1, 2]
    company.product("deal", 1, "Delivery", 556.11, DISCOUNT_RATE=10, SORT=20)
    company.product("deal", 1, "Roses", 10, QUANTITY=100, SORT=10)
    company.record("deal", 2, "An old one", 4, CATEGORY_ID=0, STAGE_ID="WON", OPPORTUNITY="10.00")
    for number in range(10, 65):
        company.record("deal", number, f"Deal {number}", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    company.note("deal", 1, 3, "They [i]like[/i] it", {"roses.txt": b"A thousand"})
    own_fields(company)
    calendars(company)
    calls(company)
    polls(company)
    company.activity(1, (2, 1), "Called Nina", 2)
    company.activity(2, (2, 1), "Call again", 2, COMPLETED="N", DEADLINE=at(80, year=2031))
    company.activity(3, (2, 777), "About what is gone", 2)
    return company


def own_fields(company: Company) -> None:
    """A field of most kinds, and a deal in which all are filled in."""
    for name, type_id, label, more in (
        ("UF_CRM_1700000001", "string", "Contract", {}),
        ("UF_CRM_1700000002", "string", "Conditions", {"SETTINGS": {"ROWS": 5}}),
        ("UF_CRM_1700000003", "double", "Weight, t", {}),
        ("UF_CRM_1700000004", "boolean", "Fragile", {}),
        ("UF_CRM_1700000005", "date", "Signed on", {}),
        ("UF_CRM_1700000006", "datetime", "Loaded at", {}),
        ("UF_CRM_1700000007", "money", "Deposit", {"SETTINGS": {"DEFAULT_VALUE": "0|EUR"}}),
        ("UF_CRM_1700000008", "url", "Page", {}),
        ("UF_CRM_1700000009", "enumeration", "Colours",
         {"MULTIPLE": "Y", "choices": {31: "Red", 33: "White; cream", 35: "Red"}}),
        ("UF_CRM_1700000010", "employee", "Lawyer", {}),
        ("UF_CRM_1700000011", "crm_status", "Heard of us", {"SETTINGS": {"ENTITY_TYPE": "SOURCE"}}),
        ("UF_CRM_1700000012", "file", "Papers", {"MULTIPLE": "Y"}),
        ("UF_CRM_1700000013", "crm", "Shipper", {"SETTINGS": {"COMPANY": "Y", "CONTACT": "N"}}),
        ("UF_CRM_1700000014", "iblock_element", "Shelf", {}),
        ("UF_CRM_1700000015", "string", "Contract", {"MULTIPLE": "Y"}),
    ):  # fmt: skip
        company.own_field("deal", name, type_id, label, **more)
    company.own_field("contact", "UF_CRM_HOBBY", "string", "Hobby")
    for name, type_id, label, several in (
        ("UF_AUTO_251545709641", "string", "Order of the client", "N"),
        ("UF_TASK_BUDGET", "double", "Budget", "N"),
        ("UF_TASK_LEGAL", "boolean", "Seen by the lawyer", "N"),
        ("UF_TASK_APPROVED", "datetime", "Approved at", "N"),
        ("UF_TASK_PLACES", "string", "Places", "Y"),
        ("UF_TASK_SHELF", "hlblock", "Shelf", "N"),
    ):
        company.own_field("task", name, type_id, label, MULTIPLE=several)
    task = next(row for row in company.tasks if row["id"] == 7)
    task |= {
        "ufAuto251545709641": "A-17",
        "ufTaskBudget": 1200.5,
        "ufTaskLegal": "1",
        "ufTaskApproved": "2021-05-07T12:30:00+03:00",
        "ufTaskPlaces": ["Harbour", "Market; north"],
        "ufTaskShelf": 4,
    }
    contact, deal = company.records["contact"][0], company.records["deal"][0]
    contact["UF_CRM_HOBBY"] = "Roses"
    deal |= {
        "UF_CRM_1700000001": "No. 7",
        "UF_CRM_1700000002": "Paid at once",
        "UF_CRM_1700000003": "1.25",
        "UF_CRM_1700000004": "1",
        "UF_CRM_1700000005": "2021-05-06T03:00:00+03:00",
        "UF_CRM_1700000006": "2021-05-07T12:30:00+03:00",
        "UF_CRM_1700000007": "300.50|EUR",
        "UF_CRM_1700000008": "https://example.com/roses",
        "UF_CRM_1700000009": [33, 31],
        "UF_CRM_1700000010": 3,
        "UF_CRM_1700000011": "FAIR",
        "UF_CRM_1700000012": [
            company.file_in_field("contract.txt", b"Signed"),
            company.file_in_field("", b"?"),
        ],
        "UF_CRM_1700000013": 1,
        "UF_CRM_1700000014": 99,
        "UF_CRM_1700000015": ["first; second", "third"],
    }


def calendars(company: Company) -> None:
    """Of the company, a group and a person; once, again and again, for a day, with an answer of each kind."""
    company.section(1, "company_calendar", 0, "Company")
    company.section(2, "group", 1, "Launch")
    company.section(3, "user", 2, "Boris")
    company.section(4, "user", 2, "Training", "#2f6fab")
    company.section(5, "location", 0, "Red room")
    company.event(
        3, "Talk of the offer", "2021-06-09 10:00", 1.5, 2, {1: "Y", 3: "N", 10: "Q"},
        LOCATION="calendar_5_77", DESCRIPTION="Bring [b]figures[/b]", PRIVATE_EVENT="Y",
    )  # fmt: skip
    zone = ZoneInfo("Europe/Moscow")
    series = company.event(
        2, "Weekly", "2021-09-06 09:00", 1, 2,
        times=[datetime(2021, 9, day, 9, tzinfo=zone) for day in (8, 15, 20)],
        RRULE={"FREQ": "WEEKLY", "BYDAY": {"MO": "MO", "WE": "WE"}, "INTERVAL": 1, "UNTIL": "09/20/2021",
               "~UNTIL": "09/20/2021", "UNTIL_TS": 1632096000},
        EXDATE="09/13/2021;09/15/2021",
    )  # fmt: skip
    company.event(
        2, "Weekly, later", "2021-09-15 14:00", 1, 2,
        RECURRENCE_ID=series, ORIGINAL_DATE_FROM="09/15/2021 09:00:00 am",
    )  # fmt: skip
    company.event(1, "Anniversary", "2021-12-30", 48, 3, DT_SKIP_TIME="Y", zone="UTC", ACCESSIBILITY="free")
    company.event(4, "Run", "2022-01-03 07:00", 0, 2)


def calls(company: Company) -> None:
    """One that was recorded, one that nobody took, and more than a page."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\x10\x20" * 16_000)
    recorded = company.file(("storage", 2), "call.wav", 2, out.getvalue())
    company.call(1, 2, "+79638835976", CALL_DURATION=95, RECORD_FILE_ID=recorded, COMMENT="About roses")
    company.call(2, 3, "79062195047", CALL_TYPE=2, CALL_FAILED_CODE="304")
    for number in range(10, 65):
        company.call(number, 2, "+79638835976", CALL_DURATION=number)


def polls(company: Company) -> None:
    open_, secret = (
        company.poll("Which roses?", {"Red": (1, 3), "White": (2,), "Both": ()}),
        company.poll("Happy?", {"Yes": (1, 2), "No": (3,)}, anonymity=2, is_finished=True),
    )
    company.post(5, 2, "Choose, please", UF_BLOG_POST_VOTE=open_)
    company.post(6, 2, "A secret one", UF_BLOG_POST_VOTE=secret)
