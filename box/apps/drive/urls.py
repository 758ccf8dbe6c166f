from django.urls import path

from box.apps.drive.views import items, listing, public_links, sharing, trash, versions

app_name = "drive"
urlpatterns = [
    path("drive/", listing.mine, name="home"),
    path("drive/company/", listing.company, name="company"),
    path("drive/groups/", listing.groups, name="groups"),
    path("drive/groups/<int:pk>/", listing.group, name="group"),
    path("drive/shared/", listing.shared, name="shared"),
    path("drive/items/<int:pk>/", listing.item, name="item"),
    path("drive/items/<int:pk>/files/", items.files, name="files"),
    path("drive/items/<int:pk>/folders/", items.folders, name="folders"),
    path("drive/items/<int:pk>/name/", items.name, name="name"),
    path("drive/items/<int:pk>/versions/", versions.versions, name="versions"),
    path("drive/items/<int:pk>/access/", sharing.access, name="access"),
    path("drive/items/<int:pk>/inheritance/", sharing.inheritance, name="inheritance"),
    path("drive/items/<int:pk>/links/", sharing.links, name="links"),
    path("drive/items/<int:pk>/trash/", trash.of_drive, name="trash"),
    path("drive/items/<int:pk>/place/", items.place, name="place"),
    path("drive/items/<int:pk>/places/", items.places, name="places"),
    path("drive/items/<int:pk>/throwing/", trash.throwing, name="throwing"),
    path("drive/trash/<int:pk>/restoration/", trash.restoration, name="restoration"),
    path("drive/trash/<int:pk>/", trash.trashed, name="trashed"),
    path("drive/versions/<int:pk>/", versions.version, name="version"),
    path("drive/versions/<int:pk>/content", versions.content, name="version-content"),
    path("drive/shares/<int:pk>/", sharing.share, name="share"),
    path("drive/links/<int:pk>/", sharing.link, name="link"),
    path("drive/principals/", sharing.principals, name="principals"),
    path("links/<str:token>/", public_links.page, name="outside"),
    path("links/<str:token>/<int:pk>/", public_links.page, name="outside-folder"),
    path("links/<str:token>/<int:pk>/content", public_links.content, name="outside-content"),
]
