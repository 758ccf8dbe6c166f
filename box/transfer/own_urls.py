from django.urls import path

from box.transfer import export_pages

app_name = "archives"
urlpatterns = [
    path("my-data/", export_pages.own, name="own"),
    path("my-data/<int:pk>/removal/", export_pages.own_removal, name="removal"),
]
