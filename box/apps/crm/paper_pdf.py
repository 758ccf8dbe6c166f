"""The PDF of a paper: made when it is wanted, and again when the paper says something else."""

from __future__ import annotations

import logging
from hashlib import sha256

from django.db.models import F

from box.apps.crm.actions.papers import keep_pdf
from box.apps.crm.models import Paper, Record
from box.apps.crm.paper_document import html_of
from box.core.push.actions import send
from box.lib.pdf import NotRendered, pdf_of

log = logging.getLogger(__name__)


def make_pdf_of(record_id: int) -> None:
    """Done twice it does no more. What fails is tried again, so often and no more; the card says so then."""
    rows = Paper.objects.waiting_for_pdf().select_related("seller", "template", "pdf")
    paper = rows.filter(pk=record_id).first()
    if paper is None or paper.pdf_wanted_at is None:
        return
    # Counted before: a paper that kills the job must not kill it for ever.
    Paper.objects.filter(pk=paper.pk).update(pdf_attempts=F("pdf_attempts") + 1)
    paper.record = Record.objects.select_related("type", "company", "contact").get(pk=paper.pk)
    html = html_of(paper)
    digest = sha256(html.encode()).hexdigest()
    if paper.pdf_id is not None and paper.pdf_digest == digest:
        Paper.objects.filter(pk=paper.pk, pdf_wanted_at=paper.pdf_wanted_at).update(pdf_wanted_at=None)
    else:
        try:
            keep_pdf(paper, pdf_of(html), digest=digest, wanted_at=paper.pdf_wanted_at)
        except NotRendered as refused:
            log.warning("the PDF of the paper %s was not made: %s", paper.pk, refused)
    send("crm", "record", audience=paper.record.audience, payload={"id": paper.pk, "by": None})
