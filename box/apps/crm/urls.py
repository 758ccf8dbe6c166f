from django.urls import path

from box.apps.crm.setup.urls import urlpatterns as setup
from box.apps.crm.views import activities, cards, lines, records

app_name = "crm"
# Slugs of types are "deal" or end in a number ("flats-1030"): no word of the CRM's own is one.
urlpatterns = [
    path("crm/", records.home, name="home"),
    *setup,
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
    path("crm/<slug:slug>/<int:pk>/stage/", cards.stage, name="stage"),
    path("crm/<slug:slug>/<int:pk>/conversion/", cards.conversion, name="conversion"),
    path("crm/<slug:slug>/<int:pk>/history/", cards.history, name="history"),
    path("crm/<slug:slug>/<int:pk>/writing/", cards.writing, name="writing"),
    path("crm/<slug:slug>/<int:pk>/activities/", activities.activities, name="activities"),
]
