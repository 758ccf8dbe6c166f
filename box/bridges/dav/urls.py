from django.urls import path, re_path

from box.bridges.dav import endpoint, views

app_name = "dav"
urlpatterns = [
    path("profile/devices/", views.devices, name="devices"),
    path("profile/devices/new/", views.new, name="new"),
    path("profile/devices/<int:pk>/removal/", views.removal, name="removal"),
    path(".well-known/caldav", endpoint.discovery, name="caldav"),
    path(".well-known/carddav", endpoint.discovery, name="carddav"),
    re_path("^dav(?P<path>/.*)?$", endpoint.dav, name="endpoint"),
]
