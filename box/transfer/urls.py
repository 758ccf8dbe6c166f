from django.urls import path

from box.transfer import export_pages, views

app_name = "transfer"
urlpatterns = [
    path("", views.migrations, name="list"),
    path("archive/", views.from_archive, name="from-archive"),
    path("dump/", views.from_dump, name="from-dump"),
    path("outbound/", views.outbound, name="outbound"),
    path("exports/", export_pages.exports, name="exports"),
    path("exports/<int:pk>/removal/", export_pages.removal, name="export-removal"),
    path("<int:pk>/", views.migration, name="migration"),
    path("<int:pk>/connection/", views.connection, name="connection"),
    path("<int:pk>/people/", views.people, name="people"),
    path("<int:pk>/people/<int:match>/", views.match, name="match"),
    path("<int:pk>/passes/", views.passes, name="passes"),
    path("<int:pk>/dry-run/", views.dry_run, name="dry-run"),
    path("<int:pk>/pause/", views.pause, name="pause"),
    path("<int:pk>/resumption/", views.resumption, name="resumption"),
    path("<int:pk>/reconciliation/", views.reconciliation, name="reconciliation"),
    path("<int:pk>/invitations/", views.invitations, name="invitations"),
    path("<int:pk>/remarks/", views.remarks, name="remarks"),
    path("<int:pk>/undoing/", views.undoing, name="undoing"),
    path("<int:pk>/removal/", views.removal, name="removal"),
]
