from django.urls import path

from box.bridges.directory import single_sign_on

app_name = "directory"
urlpatterns = [
    path("sign-in/ticket/", single_sign_on.ticket, name="ticket"),
]
