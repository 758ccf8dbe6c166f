from django.urls import include, path

from box.console import calendar, cluster, fields, settings, setup, upgrades, views
from box.console.audit import views as audit
from box.console.backups import keys, restore, retrievals, search, targets
from box.console.backups import views as backups
from box.console.roles import views as roles
from box.lib import converters  # noqa: F401 - brings `<date:...>`

app_name = "console"
urlpatterns = [
    path("", views.health, name="health"),
    path("setup/", setup.begin, name="setup"),
    path("setup/<slug:name>/", setup.step, name="setup-step"),
    path("settings/", settings.first, name="settings"),
    path("settings/logo/", settings.logo, name="logo"),
    path("settings/mail/letter/", settings.test_letter, name="test-letter"),
    path("settings/calendar/<int:number>/", calendar.year, name="calendar"),
    path("settings/calendar/<date:day>/", calendar.restore, name="calendar-day"),
    path("settings/fields/", fields.sets, name="field-sets"),
    path("settings/fields/<int:pk>/", fields.field, name="field"),
    path("settings/fields/<int:pk>/place/", fields.place, name="field-place"),
    path("settings/fields/<int:pk>/archive/", fields.archive, name="field-archive"),
    path("settings/fields/<str:key>/", fields.fields, name="fields"),
    path("settings/<slug:name>/", settings.section, name="section"),
    path("services/<slug:name>/", views.service, name="service"),
    path("services/<slug:name>/restart/", views.restart, name="restart"),
    path("cluster/", cluster.cluster, name="cluster"),
    path("cluster/nodes/<slug:name>/lead/", cluster.lead, name="lead"),
    path("cluster/nodes/<slug:name>/place/", cluster.place, name="place"),
    path("releases/", upgrades.upgrades, name="upgrades"),
    path("releases/examination/", upgrades.examine, name="examine-release"),
    path("releases/upgrade/", upgrades.begin, name="begin-upgrade"),
    path("backups/", backups.backups, name="backups"),
    path("backups/new/", backups.begin, name="begin-backup"),
    path("backups/verification/", backups.verify, name="verify-backups"),
    path("backups/operations/<slug:name>/", backups.operation, name="backup-operation"),
    path("backups/sets/", backups.sets, name="backup-sets"),
    path("backups/sets/<str:name>/", backups.one_set, name="backup-set"),
    path("backups/drills/", backups.drills, name="backup-drills"),
    path("backups/restore/", restore.restore, name="backup-restore"),
    path("backups/searches/", search.searches, name="backup-searches"),
    path("backups/searches/<slug:name>/", search.search, name="backup-search"),
    path("backups/searches/<slug:name>/putting-back/", search.put_back, name="backup-put-back"),
    path("backups/requests/<int:pk>/permission/", retrievals.permission, name="retrieval-permission"),
    path("backups/requests/<int:pk>/refusal/", retrievals.refusal, name="retrieval-refusal"),
    path("backups/targets/new/", targets.new, name="new-backup-target"),
    path("backups/targets/<str:name>/removal/", targets.removal, name="backup-target-removal"),
    path("backups/plan/", targets.plan, name="backup-plan"),
    path("backups/calendar/", targets.calendar, name="backup-calendar"),
    path("backups/keys/", keys.keys, name="backup-keys"),
    path("backups/key-rotation/", keys.rotation, name="backup-key-rotation"),
    path("backups/keys/<str:holder>/removal/", keys.removal, name="backup-key-removal"),
    path("backups/keys/<str:holder>/confirmation/", keys.confirmation, name="backup-confirmation"),
    path("directory/", include("box.console.directory.urls")),
    path("audit/", audit.records, name="audit"),
    path("roles/", roles.roles, name="roles"),
    path("roles/new/", roles.new, name="new-role"),
    path("roles/principals/", roles.principals, name="principals"),
    path("roles/report/", roles.report, name="report"),
    path("roles/<slug:slug>/", roles.role, name="role"),
]
