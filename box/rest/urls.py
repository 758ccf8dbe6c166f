from django.urls import path, re_path

from box.rest import endpoint, frame_pages, oauth_endpoint, oauth_pages, outgoing_pages, views

app_name = "rest"
urlpatterns = [
    path("profile/integrations/", views.own, name="own"),
    path("profile/integrations/new/", views.new, name="new"),
    path("profile/integrations/<int:pk>/revocation/", views.revocation, name="revocation"),
    path("console/integrations/", views.everybodys, name="everybodys"),
    path("console/integrations/outgoing/", outgoing_pages.listeners, name="listeners"),
    path("console/integrations/outgoing/new/", outgoing_pages.new, name="new-listener"),
    path("console/integrations/outgoing/<int:pk>/", outgoing_pages.listener, name="listener"),
    path("console/integrations/outgoing/<int:pk>/removal/", outgoing_pages.removal, name="removal"),
    path("console/integrations/outgoing/<int:pk>/resumption/", outgoing_pages.resumption, name="resumption"),
    path("console/integrations/applications/", oauth_pages.applications, name="applications"),
    path("console/integrations/applications/new/", oauth_pages.new, name="new-application"),
    path(
        "console/integrations/applications/<int:pk>/removal/", oauth_pages.removal, name="application-removal"
    ),
    path("console/integrations/pages/<int:pk>/removal/", frame_pages.removal, name="page-removal"),
    path("applications/", frame_pages.pages, name="pages"),
    path("applications/<int:pk>/", frame_pages.page, name="page"),
    path("applications/<int:pk>/frame/", frame_pages.frame, name="frame"),
    path("oauth/authorize/", oauth_pages.authorization, name="authorization"),
    path("oauth/token/", oauth_endpoint.token, name="token"),
    path("rest/openapi.json", endpoint.openapi, name="openapi"),
    path("rest/download.json", endpoint.download, name="download"),
    path("rest/upload.json", endpoint.upload, name="upload"),
    re_path("^rest/(?P<name>.*)$", endpoint.method, name="method"),
]
