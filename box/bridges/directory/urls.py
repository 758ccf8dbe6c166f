from django.urls import path

from box.bridges.directory import single

app_name = "directory"
urlpatterns = [
    path("sign-in/ticket/", single.ticket, name="ticket"),
]
