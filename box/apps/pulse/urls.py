from django.urls import path

from box.apps.pulse import views

app_name = "pulse"
urlpatterns = [
    path("pulse/", views.overview, name="overview"),
    path("pulse/tools/<slug:tool>/draft/", views.draft, name="draft"),
]
