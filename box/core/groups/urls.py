from django.urls import path

from box.core.groups import views

app_name = "groups"
urlpatterns = [
    path("groups/", views.groups, name="list"),
    path("groups/new/", views.new, name="new"),
    path("groups/<int:pk>/", views.group, name="group"),
    path("groups/<int:pk>/membership/", views.membership, name="membership"),
    path("groups/<int:pk>/members/", views.members, name="members"),
    path("groups/<int:pk>/files/", views.files, name="files"),
    path("groups/<int:pk>/invitations/", views.invitations, name="invitations"),
    path("groups/<int:pk>/candidates/", views.candidates, name="candidates"),
    path("groups/<int:pk>/guests/", views.guests, name="guests"),
    path("groups/<int:pk>/guests/<int:person_pk>/", views.guest_invitation, name="guest-invitation"),
    path("groups/<int:pk>/settings/", views.settings, name="settings"),
    path("groups/<int:pk>/archive/", views.archive, name="archive"),
    path("groups/<int:pk>/owner/", views.owner, name="owner"),
    path("groups/members/<int:pk>/", views.member, name="member"),
    path("groups/admissions/<int:pk>/", views.admission, name="admission"),
]
