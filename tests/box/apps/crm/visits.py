"""Who may what, at the addresses of this room. By their usual permissions employees reach what is their own:
anna is responsible, and boris, who shares her department, sees none of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.dictionaries import ProductDraft, save_product
from box.apps.crm.actions.papers import PaymentDraft, add_paper, note_payment, open_link
from box.apps.crm.models import PaperTemplate, RecordType, Source, Unit, VatRate
from box.apps.crm.robots.actions import RobotDraft, save_robot
from box.core.registry.company import company_day
from tests.box.apps.crm.conftest import added, web_form
from tests.box.visits import CONSOLE, EMPLOYEES, SIGN_IN, Cast, Visit

HERS = (200, 200, 404, 404, 404, SIGN_IN)

# Whoever sets up the CRM; for all others there are no such pages.
MOVED = (302, 404, 404, 404, 404, SIGN_IN)
REFUSED = (422, 404, 404, 404, 404, SIGN_IN)

EVERYBODY = (200, 200, 200, 200, 200, 200)
NONCE = "5b1f3c0e-8a52-4f37-9f0b-2d8f6a1c7e94"

SETTINGS = (
    Visit("GET", "crm:setup", MOVED),
    Visit("GET", "crm:setup-pipelines", CONSOLE, of="deals"),
    Visit("POST", "crm:setup-pipelines", REFUSED, of="deals", data={"name": ""}),
    Visit("POST", "crm:setup-pipeline", MOVED, of="crm_pipeline"),
    Visit("POST", "crm:setup-pipeline-place", MOVED, of="crm_pipeline"),
    Visit("POST", "crm:setup-pipeline-retirement", MOVED, of="crm_pipeline"),
    Visit("POST", "crm:setup-stages", MOVED, of="crm_pipeline"),
    Visit("GET", "crm:setup-stage", CONSOLE, of="crm_stage"),
    Visit("POST", "crm:setup-stage", REFUSED, of="crm_stage"),
    Visit("POST", "crm:setup-stage-place", MOVED, of="crm_stage"),
    Visit("POST", "crm:setup-stage-retirement", MOVED, of="crm_stage"),
    Visit("GET", "crm:setup-robots", CONSOLE, of="deals"),
    Visit("POST", "crm:setup-robots", REFUSED, of="deals"),
    Visit("GET", "crm:setup-robot", CONSOLE, of="crm_robot"),
    Visit("POST", "crm:setup-robot", REFUSED, of="crm_robot"),
    Visit("POST", "crm:setup-robot-switch", MOVED, of="crm_robot"),
    Visit("GET", "crm:setup-types", CONSOLE),
    Visit("POST", "crm:setup-types", REFUSED),
    Visit("GET", "crm:setup-type", CONSOLE, of="crm_type"),
    Visit("POST", "crm:setup-type", REFUSED, of="crm_type"),
    Visit("POST", "crm:setup-type-retirement", MOVED, of="crm_type"),
    Visit("GET", "crm:setup-fields", CONSOLE),
    Visit("GET", "crm:setup-products", CONSOLE),
    Visit("POST", "crm:setup-products", (400, 404, 404, 404, 404, SIGN_IN), data={"do": "nothing"}),
    Visit("GET", "crm:setup-new-product", CONSOLE),
    Visit("POST", "crm:setup-new-product", REFUSED),
    Visit("GET", "crm:setup-product", CONSOLE, of="crm_product"),
    Visit("POST", "crm:setup-product", REFUSED, of="crm_product"),
    Visit("GET", "crm:setup-forms", CONSOLE),
    Visit("POST", "crm:setup-forms", REFUSED),
    Visit("GET", "crm:setup-form", CONSOLE, of="crm_web_form"),
    Visit("POST", "crm:setup-form", REFUSED, of="crm_web_form"),
    Visit("POST", "crm:setup-form-switch", MOVED, of="crm_web_form"),
    Visit("GET", "crm:setup-papers", CONSOLE),
    Visit("GET", "crm:setup-seller", CONSOLE, of="crm_new"),
    Visit("POST", "crm:setup-seller", REFUSED, of="crm_new"),
    Visit("POST", "crm:setup-templates", MOVED, data={"kind": "quote", "nonce": NONCE}),
    Visit("GET", "crm:setup-template", CONSOLE, of="crm_template"),
    Visit("POST", "crm:setup-template", REFUSED, of="crm_template"),
    Visit("POST", "crm:setup-series", MOVED, of="crm_series"),
    Visit("GET", "crm:setup-permissions", MOVED),
    Visit("GET", "crm:setup-role", CONSOLE, of="crm_role"),
    Visit("POST", "crm:setup-role", MOVED, of="crm_role"),
    Visit("GET", "crm:setup-field-rights", CONSOLE, of="crm_fields_of_role"),
    Visit("POST", "crm:setup-field-rights", MOVED, of="crm_fields_of_role"),
    Visit("GET", "crm:plans", CONSOLE, of="crm_year"),
    Visit("POST", "crm:plans", MOVED, of="crm_year"),
    Visit("GET", "crm:setup-dictionary", CONSOLE, of="crm_dictionary"),
    Visit("POST", "crm:setup-dictionary", REFUSED, of="crm_dictionary"),
    Visit("POST", "crm:setup-entry", MOVED, of="crm_entry"),
)

VISITS = (
    *SETTINGS,
    Visit("GET", "crm:payments-list", (200, 200, 200, 200, 404, SIGN_IN)),
    Visit("POST", "crm:payments-list", (302, 302, 302, 302, 404, SIGN_IN), data={"do": "columns"}),
    Visit("GET", "crm:report", (302, 302, 302, 302, 404, SIGN_IN), of="crm_report"),
    Visit("GET", "crm:home", (302, 302, 302, 302, 404, SIGN_IN)),
    Visit("GET", "crm:list", EMPLOYEES, of="deals"),
    Visit("POST", "crm:list", (400, 400, 400, 400, 404, SIGN_IN), of="deals", data={"do": "nothing"}),
    Visit("GET", "crm:board", EMPLOYEES, of="deals"),
    Visit("POST", "crm:board", (404, 404, 404, 404, 404, SIGN_IN), of="deals", data={"do": "move"}),
    Visit("GET", "crm:new", EMPLOYEES, of="deals"),
    Visit("POST", "crm:new", (422, 422, 422, 422, 404, SIGN_IN), of="deals", data={"title": ""}),
    Visit("GET", "crm:alike", EMPLOYEES, of="deals"),
    Visit("GET", "crm:funnel", EMPLOYEES, of="deals"),
    Visit("GET", "crm:trash", (200, 404, 404, 404, 404, SIGN_IN), of="deals"),
    Visit("POST", "crm:trash", (400, 404, 404, 404, 404, SIGN_IN), of="deals", data={"do": "nothing"}),
    Visit("GET", "crm:day", EMPLOYEES),
    Visit("GET", "crm:record", HERS, of="deal"),
    Visit("DELETE", "crm:record", (302, 403, 404, 404, 404, SIGN_IN), of="deal"),
    Visit("GET", "crm:facts", HERS, of="facts"),
    Visit("POST", "crm:facts", (422, 422, 404, 404, 404, SIGN_IN), of="facts", data={"title": ""}),
    Visit("GET", "crm:lines", HERS, of="deal"),
    Visit("POST", "crm:lines", (422, 422, 404, 404, 404, SIGN_IN), of="deal", data={"line-name": "x"}),
    Visit("POST", "crm:lines-sums", HERS, of="deal"),
    Visit("GET", "crm:lines-products", HERS, of="deal"),
    Visit("GET", "crm:lines-product", HERS, of="line_product"),
    Visit("POST", "crm:papers", (404, 404, 404, 404, 404, SIGN_IN), of="deal", data={"kind": "x"}),
    Visit("GET", "crm:paper", HERS, of="crm_invoice"),
    Visit("POST", "crm:paper", (302, 302, 404, 404, 404, SIGN_IN), of="crm_invoice"),
    Visit("POST", "crm:sent", (302, 302, 404, 404, 404, SIGN_IN), of="crm_invoice"),
    Visit("DELETE", "crm:sent", (302, 302, 404, 404, 404, SIGN_IN), of="crm_invoice"),
    Visit("GET", "crm:pdf", (404, 404, 404, 404, 404, SIGN_IN), of="crm_invoice"),
    Visit("POST", "crm:pdf", (302, 302, 404, 404, 404, SIGN_IN), of="crm_invoice"),
    Visit("POST", "crm:paper-links", (302, 302, 404, 404, 404, SIGN_IN), of="crm_invoice"),
    Visit("DELETE", "crm:paper-link", (302, 302, 404, 404, 404, SIGN_IN), of="crm_link"),
    Visit("POST", "crm:payments", (409, 409, 404, 404, 404, SIGN_IN), of="deal", data={"amount": "x"}),
    Visit("DELETE", "crm:payment", (302, 302, 404, 404, 404, SIGN_IN), of="crm_payment"),
    # Whoever has the address: it is the key.
    Visit("GET", "crm:outside", EVERYBODY, of="crm_token"),
    Visit("GET", "crm:outside-pdf", (404, 404, 404, 404, 404, 404), of="crm_token"),
    Visit("GET", "crm:form", EVERYBODY, of="crm_form"),
    Visit("GET", "crm:form-challenge", EVERYBODY, of="crm_form"),
    Visit("POST", "crm:form-answers", (400, 400, 400, 400, 400, 400), of="crm_form", has_session=False),
    Visit("GET", "crm:form-embed", EVERYBODY, of="crm_form"),
    Visit("POST", "crm:stage", (409, 409, 404, 404, 404, SIGN_IN), of="deal", data={"stage": "1"}),
    Visit("GET", "crm:conversion", HERS, of="lead"),
    Visit("POST", "crm:conversion", (422, 422, 404, 404, 404, SIGN_IN), of="lead"),
    Visit("GET", "crm:duplicates", HERS, of="deal"),
    Visit("POST", "crm:duplicates", (422, 422, 404, 404, 404, SIGN_IN), of="deal"),
    Visit("DELETE", "crm:merger", (404, 404, 404, 404, 404, SIGN_IN), of="crm_merger"),
    Visit("GET", "crm:history", HERS, of="deal"),
    Visit("POST", "crm:writing", (204, 204, 404, 404, 404, SIGN_IN), of="deal"),
    Visit("POST", "crm:activities", (409, 409, 404, 404, 404, SIGN_IN), of="deal", data={"kind": "dance"}),
    Visit("POST", "crm:completion", (302, 302, 404, 404, 404, SIGN_IN), of="step"),
    Visit("DELETE", "crm:completion", (302, 302, 404, 404, 404, SIGN_IN), of="step"),
    Visit("POST", "crm:deadline", (409, 409, 404, 404, 404, SIGN_IN), of="step"),
    Visit("DELETE", "crm:activity", (302, 302, 404, 404, 404, SIGN_IN), of="step"),
)


def things(cast: Cast) -> dict[str, Any]:
    deal = added("deal", cast.anna, "Chairs for Rose")
    lead = added("lead", cast.anna, "Rose wants chairs")
    step = NewActivity(
        kind="call", subject="Call", responsible=cast.anna, deadline=timezone.now() + timedelta(days=1)
    )
    call = add_activity(step, [deal], by=cast.anna)
    unit, vat = Unit.objects.get(code="796"), VatRate.objects.get(percent=22)
    product = save_product(None, ProductDraft(name="Chair", unit=unit, vat=vat), by=None)
    notice = RobotDraft(name="Reminds", trigger="added", effect="notice")
    robot = save_robot(None, deal.type, notice, by=None)
    form = web_form(cast.olga, [cast.anna])
    invoice = add_paper(deal, RecordType.objects.get(slug="invoice"), by=cast.anna)
    link = open_link(invoice, days=30, by=cast.anna)
    payment = note_payment(deal, PaymentDraft(amount=Decimal(1), on=company_day()), by=cast.anna)
    return {
        "crm_form": form.token, "crm_web_form": form.pk,
        "crm_invoice": ("invoice", invoice.pk), "crm_link": ("invoice", invoice.pk, link.pk),
        "crm_payment": ("deal", deal.pk, payment.pk), "crm_token": link.token, "crm_new": 0,
        "crm_template": PaperTemplate.objects.values_list("pk", flat=True)[0], "crm_series": 31,
        "crm_robot": robot.pk,
        "deals": "deal", "deal": ("deal", deal.pk), "lead": ("lead", lead.pk), "step": call.pk,
        "crm_merger": ("deal", deal.pk, 1), "line_product": ("deal", deal.pk, product.pk),
        "facts": ("deal", deal.pk, "about"), "crm_pipeline": deal.pipeline_id,
        "crm_stage": deal.stage_id, "crm_type": deal.type_id, "crm_product": product.pk,
        "crm_fields_of_role": ("employees", "deal"), "crm_year": 2026, "crm_report": "month",
        "crm_role": "employees", "crm_dictionary": "sources",
        "crm_entry": ("sources", Source.objects.values_list("pk", flat=True)[0]),
    }  # fmt: skip
