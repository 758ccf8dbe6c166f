"""Who may what, at the addresses of this room. By their usual permissions employees reach what is their own:
anna is responsible, and boris, who shares her department, sees none of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.dictionaries import ProductDraft, save_product
from box.apps.crm.models import Source, Unit, VatRate
from box.apps.crm.robots.actions import RobotDraft, save_robot
from tests.box.apps.crm.conftest import added
from tests.box.visits import CONSOLE, EMPLOYEES, SIGN_IN, Cast, Visit

HERS = (200, 200, 404, 404, 404, SIGN_IN)

# Whoever sets up the CRM; for all others there are no such pages.
MOVED = (302, 404, 404, 404, 404, SIGN_IN)
REFUSED = (422, 404, 404, 404, 404, SIGN_IN)

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
    Visit("GET", "crm:setup-permissions", MOVED),
    Visit("GET", "crm:setup-role", CONSOLE, of="crm_role"),
    Visit("POST", "crm:setup-role", MOVED, of="crm_role"),
    Visit("GET", "crm:setup-dictionary", CONSOLE, of="crm_dictionary"),
    Visit("POST", "crm:setup-dictionary", REFUSED, of="crm_dictionary"),
    Visit("POST", "crm:setup-entry", MOVED, of="crm_entry"),
)

VISITS = (
    *SETTINGS,
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
    Visit("POST", "crm:stage", (409, 409, 404, 404, 404, SIGN_IN), of="deal", data={"stage": "1"}),
    Visit("GET", "crm:conversion", HERS, of="lead"),
    Visit("POST", "crm:conversion", (422, 422, 404, 404, 404, SIGN_IN), of="lead"),
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
    return {
        "crm_robot": robot.pk,
        "deals": "deal", "deal": ("deal", deal.pk), "lead": ("lead", lead.pk), "step": call.pk,
        "line_product": ("deal", deal.pk, product.pk),
        "facts": ("deal", deal.pk, "about"), "crm_pipeline": deal.pipeline_id,
        "crm_stage": deal.stage_id, "crm_type": deal.type_id, "crm_product": product.pk,
        "crm_role": "employees", "crm_dictionary": "sources",
        "crm_entry": ("sources", Source.objects.values_list("pk", flat=True)[0]),
    }  # fmt: skip
