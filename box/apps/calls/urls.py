from django.urls import URLPattern, path

from box.apps.calls.views import live, log, phone, receiver, reports, setup, trunks

app_name = "calls"


def parts(folder: str, kind: trunks.Kind, name: str) -> list[URLPattern]:
    """The addresses of lines, queues or menus."""
    place = f"calls/exchanges/<int:pk>/{folder}"
    return [
        path(f"{place}/new/", trunks.new_part, {"kind": kind}, name=f"new-{name}"),
        path(f"{place}/<int:number>/", trunks.part, {"kind": kind}, name=name),
    ]


urlpatterns = [
    path("calls/", log.log, name="log"),
    path("calls/now/", live.now, name="now"),
    path("calls/dialled/", live.dialled, name="dialled"),
    path("calls/phone/", phone.phone, name="phone"),
    path("calls/phone/number/", phone.number, name="phone-number"),
    path("calls/phone/leaving/", phone.leaving, name="phone-leaving"),
    path("calls/reports/", reports.report, name="reports"),
    path("calls/reports/table/", reports.table, name="report-table"),
    path("calls/wallboard/", reports.wallboard, name="wallboard"),
    path("calls/recordings/", receiver.receive, name="receiver"),
    path("calls/<int:pk>/", log.call, name="call"),
    path("calls/<int:pk>/end/", live.end, name="end"),
    path("calls/<int:pk>/transfer/", live.transfer, name="transfer"),
    path("calls/<int:pk>/waiting/", live.waiting, name="waiting"),
    path("calls/<int:pk>/settlement/", log.settlement, name="settlement"),
    path("calls/<int:pk>/note/", log.note, name="note"),
    path("calls/<int:pk>/hold/", log.hold, name="hold"),
    path("calls/<int:pk>/recordings/<int:number>/", log.recording, name="recording"),
    path("calls/exchanges/", setup.exchanges, name="exchanges"),
    path("calls/exchanges/new/", setup.new, name="new-exchange"),
    path("calls/exchanges/<int:pk>/", setup.exchange, name="exchange"),
    path("calls/exchanges/<int:pk>/numbers/", setup.numbers, name="numbers"),
    path("calls/exchanges/<int:pk>/extensions/", setup.extensions, name="extensions"),
    path("calls/exchanges/<int:pk>/extensions/<int:number>/", trunks.extension, name="extension"),
    path("calls/exchanges/<int:pk>/extensions/table/", setup.extension_table, name="extension-table"),
    path("calls/exchanges/<int:pk>/trunks/", trunks.trunks, name="trunks"),
    *parts("lines", trunks.LINE, "trunk"),
    *parts("queues", trunks.QUEUE, "queue"),
    *parts("menus", trunks.MENU, "menu"),
    path("calls/exchanges/<int:pk>/menus/<int:number>/sound/", trunks.prompt, name="prompt"),
    path("calls/sounds/<str:token>/", trunks.fetched_prompt, name="fetched-prompt"),
    path("calls/exchanges/<int:pk>/configuration/", setup.configuration, name="configuration"),
    path("calls/blocked/", setup.blocked, name="blocked"),
    path("calls/blocked/<int:pk>/", setup.unblock, name="unblock"),
]
