from django.urls import path

from box.apps.crm.setup.urls import urlpatterns as setup
from box.apps.crm.views import cards, records

app_name = "crm"
# Slugs of types are "deal" or end in a number ("flats-1030"): no word of the CRM's own is one.
urlpatterns = [
    path("crm/", records.home, name="home"),
    *setup,
    path("crm/<slug:slug>/", records.records, name="list"),
    path("crm/<slug:slug>/board/", records.board, name="board"),
    path("crm/<slug:slug>/new/", records.new, name="new"),
    path("crm/<slug:slug>/alike/", records.alike, name="alike"),
    path("crm/<slug:slug>/<int:pk>/", cards.record, name="record"),
]
