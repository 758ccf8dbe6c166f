from django.urls import path

from box.apps.worktime.views import days, decisions, reports, schedules, team
from box.lib import converters  # noqa: F401 - brings `<date:...>`

app_name = "worktime"
urlpatterns = [
    path("worktime/", days.home, name="home"),
    path("worktime/clock/", days.clock, name="clock"),
    path("worktime/steps/", days.steps, name="steps"),
    path("worktime/days/<date:on>/correction/", days.correction, name="correction"),
    path("worktime/people/<int:pk>/", days.person, name="person"),
    path("worktime/people/<int:pk>/schedule/", schedules.person_schedule, name="person-schedule"),
    path("worktime/approvals/", decisions.approvals, name="approvals"),
    path("worktime/corrections/<int:pk>/decision/", decisions.decision, name="decision"),
    path("worktime/team/", team.team, name="team"),
    path("worktime/team/<str:kind>/", team.team_export, name="team-export"),
    path("worktime/reports/", reports.reports, name="reports"),
    path("worktime/reports/<int:pk>/", reports.report, name="report"),
    path("worktime/reports/<int:pk>/confirmation/", decisions.confirmation, name="confirmation"),
    path("worktime/schedules/", schedules.schedules, name="schedules"),
    path("worktime/schedules/new/", schedules.new, name="schedule-new"),
    path("worktime/schedules/<int:pk>/", schedules.schedule, name="schedule"),
]
