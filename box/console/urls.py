from django.urls import path

from box.console import views

app_name = "console"
urlpatterns = [
    path("", views.health, name="health"),
    path("services/<slug:name>/", views.service, name="service"),
    path("services/<slug:name>/restart/", views.restart, name="restart"),
]
