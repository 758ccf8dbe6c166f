from django.urls import path

from box.apps.crm.setup.urls import urlpatterns as setup
from box.apps.crm.views import activities, cards, lines, outside, papers, public_forms, records, reports

app_name = "crm"
# Slugs of types are "deal" or end in a number ("flats-1030"): no word of the CRM's own is one.
urlpatterns = [
    path("crm/", records.home, name="home"),
    *setup,
    path("crm/payments/", reports.payments, name="payments-list"),
    path("crm/report/<slug:by>/", reports.report, name="report"),
    path("crm/plans/<int:year>/", reports.plans, name="plans"),
    path("crm/day/", activities.agenda, name="day"),
    path("crm/activities/<int:pk>/", activities.activity, name="activity"),
    path("crm/activities/<int:pk>/completion/", activities.completion, name="completion"),
    path("crm/activities/<int:pk>/deadline/", activities.deadline, name="deadline"),
    path("crm/<slug:slug>/", records.records, name="list"),
    path("crm/<slug:slug>/board/", records.board, name="board"),
    path("crm/<slug:slug>/funnel/", records.funnel, name="funnel"),
    path("crm/<slug:slug>/trash/", records.trash, name="trash"),
    path("crm/<slug:slug>/new/", records.new, name="new"),
    path("crm/<slug:slug>/alike/", records.alike, name="alike"),
    path("crm/<slug:slug>/<int:pk>/", cards.record, name="record"),
    path("crm/<slug:slug>/<int:pk>/facts/<slug:group>/", cards.facts, name="facts"),
    path("crm/<slug:slug>/<int:pk>/lines/", lines.lines, name="lines"),
    path("crm/<slug:slug>/<int:pk>/lines/sums/", lines.sums, name="lines-sums"),
    path("crm/<slug:slug>/<int:pk>/lines/products/", lines.products, name="lines-products"),
    path("crm/<slug:slug>/<int:pk>/lines/products/<int:product_pk>/", lines.line, name="lines-product"),
    path("crm/<slug:slug>/<int:pk>/papers/", papers.papers, name="papers"),
    path("crm/<slug:slug>/<int:pk>/paper/", papers.paper, name="paper"),
    path("crm/<slug:slug>/<int:pk>/sent/", papers.sent, name="sent"),
    path("crm/<slug:slug>/<int:pk>/pdf/", papers.pdf, name="pdf"),
    path("crm/<slug:slug>/<int:pk>/links/", papers.links, name="paper-links"),
    path("crm/<slug:slug>/<int:pk>/links/<int:link_pk>/", papers.link, name="paper-link"),
    path("crm/<slug:slug>/<int:pk>/payments/", papers.payments, name="payments"),
    path("crm/<slug:slug>/<int:pk>/payments/<int:payment_pk>/", papers.payment, name="payment"),
    path("crm/<slug:slug>/<int:pk>/stage/", cards.stage, name="stage"),
    path("crm/<slug:slug>/<int:pk>/conversion/", cards.conversion, name="conversion"),
    path("crm/<slug:slug>/<int:pk>/history/", cards.history, name="history"),
    path("crm/<slug:slug>/<int:pk>/writing/", cards.writing, name="writing"),
    path("forms/<slug:public_id>/", public_forms.page, name="form"),
    path("forms/<slug:public_id>/challenge/", public_forms.challenge, name="form-challenge"),
    path("forms/<slug:public_id>/answers/", public_forms.answers, name="form-answers"),
    path("forms/<slug:public_id>/embed.js", public_forms.embed, name="form-embed"),
    path("papers/<str:token>/", outside.page, name="outside"),
    path("papers/<str:token>/pdf/", outside.pdf, name="outside-pdf"),
    path("crm/<slug:slug>/<int:pk>/activities/", activities.activities, name="activities"),
]
