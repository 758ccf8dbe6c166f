"""Papers begin with a series of numbers and a template in each language; those that were there before get
their numbers. Who sees a paper of a deal is who sees the deal, whichever way either of them is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import migrations

if TYPE_CHECKING:
    from django.db.migrations.state import StateApps

WORKS_BESIDE_THE_RELEASE_BEFORE = "the triggers follow rows of papers, of which that release writes none"

QUOTE, INVOICE = 7, 31
TEMPLATES = (
    (QUOTE, "Quote", "en", "Thank you for your interest. We offer you:", "We look forward to your order.", 14),
    (
        QUOTE, "Предложение", "ru", "Благодарим за интерес к нашей компании. Предлагаем вам:",
        "Будем рады сотрудничеству.", 14,
    ),
    (INVOICE, "Invoice", "en", "", "Please name the number of the invoice when you pay.", 10),
    (INVOICE, "Счёт", "ru", "", "При оплате укажите номер счёта.", 10),
)  # fmt: skip

FOLLOW = """
CREATE FUNCTION crm_follow_deal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.audience := coalesce(
        (SELECT deal.audience FROM crm_paper AS paper JOIN crm_record AS deal ON deal.id = paper.deal_id
          WHERE paper.record_id = NEW.id),
        NEW.audience);
    RETURN NEW;
END $$;
CREATE TRIGGER crm_paper_keeps_audience BEFORE UPDATE OF audience ON crm_record
    FOR EACH ROW WHEN (NEW.type_id IN (7, 31)) EXECUTE FUNCTION crm_follow_deal();

CREATE FUNCTION crm_lead_papers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The trigger above puts the deal's audience in the place of this one.
    UPDATE crm_record SET audience = NEW.audience
     WHERE id IN (SELECT record_id FROM crm_paper WHERE deal_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER crm_deal_leads_papers AFTER UPDATE OF audience ON crm_record
    FOR EACH ROW WHEN (NEW.type_id NOT IN (7, 31) AND OLD.audience IS DISTINCT FROM NEW.audience)
    EXECUTE FUNCTION crm_lead_papers();

CREATE FUNCTION crm_begin_to_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE crm_record SET audience = audience WHERE id = NEW.record_id;
    RETURN NULL;
END $$;
CREATE TRIGGER crm_paper_begins AFTER INSERT OR UPDATE OF deal_id ON crm_paper
    FOR EACH ROW WHEN (NEW.deal_id IS NOT NULL) EXECUTE FUNCTION crm_begin_to_follow();
"""
LEAVE = """
DROP TRIGGER crm_paper_begins ON crm_paper;
DROP TRIGGER crm_deal_leads_papers ON crm_record;
DROP TRIGGER crm_paper_keeps_audience ON crm_record;
DROP FUNCTION crm_begin_to_follow();
DROP FUNCTION crm_lead_papers();
DROP FUNCTION crm_follow_deal();
"""


def fill(apps: StateApps, schema_editor: object) -> None:
    def model(name: str) -> Any:
        return apps.get_model("crm", name)

    for type_id in (QUOTE, INVOICE):
        series = model("NumberSeries").objects.create(type_id=type_id, restart="never")
        records = model("Record").objects.filter(type=type_id).order_by("id").values_list("pk", flat=True)
        for number, pk in enumerate(records, 1):
            model("Paper").objects.create(record_id=pk, type_id=type_id, number=str(number))
            series.last = number
        series.save()
    for type_id, name, language, opening, closing, days in TEMPLATES:
        model("PaperTemplate").objects.create(
            type_id=type_id, name=name, language=language, opening=opening, closing=closing, days=days
        )


class Migration(migrations.Migration):
    dependencies = [("crm", "0007_papers")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(FOLLOW, LEAVE),
    ]
