"""What the CRM keeps.

Leads, deals, contacts, companies, papers and a company's own entities are all a `Record`: they have the same
responsible, stages, links, activities and rights, and differ in what their `RecordType` switches on. See
docs/dev/decisions/0180-one-table-of-records.md.
"""

from box.apps.crm.models.activities import Activity, ActivityBinding
from box.apps.crm.models.contact_points import ContactPoint
from box.apps.crm.models.funnel import PathTotal, StayTotal
from box.apps.crm.models.mergers import Merger
from box.apps.crm.models.money import Currency, LineItem, Price, Product, Unit, VatRate
from box.apps.crm.models.papers import (
    NumberSeries,
    Paper,
    PaperLink,
    PaperTemplate,
    Payment,
    Seller,
)
from box.apps.crm.models.permissions import Permission
from box.apps.crm.models.plans import Plan
from box.apps.crm.models.records import Link, Observer, Record, StageTotal, StageVisit
from box.apps.crm.models.robots import Robot, RobotCall, RobotRun, RobotTurn
from box.apps.crm.models.types import LossReason, Pipeline, RecordType, Source, Stage
from box.apps.crm.models.web_forms import Consent, FormAnswer, FormFile, Receiver, WebForm

__all__ = [
    "Activity",
    "ActivityBinding",
    "Consent",
    "ContactPoint",
    "Currency",
    "FormAnswer",
    "FormFile",
    "LineItem",
    "Link",
    "LossReason",
    "Merger",
    "NumberSeries",
    "Observer",
    "Paper",
    "PaperLink",
    "PaperTemplate",
    "PathTotal",
    "Payment",
    "Permission",
    "Pipeline",
    "Plan",
    "Price",
    "Product",
    "Receiver",
    "Record",
    "RecordType",
    "Robot",
    "RobotCall",
    "RobotRun",
    "RobotTurn",
    "Seller",
    "Source",
    "Stage",
    "StageTotal",
    "StageVisit",
    "StayTotal",
    "Unit",
    "VatRate",
    "WebForm",
]
