from django.urls import path

from box.core.people.views import absences, erasure, invitations, merging, people, profile, skills

app_name = "people"
urlpatterns = [
    path("employees/", people.people, name="people"),
    path("employees/invitations/", invitations.invitations, name="invitations"),
    path("employees/<int:pk>/photo/", profile.photo_of, name="photo-of"),
    path("photos/<int:pk>/", profile.photo, name="photo"),
    path("photos/<int:pk>/picture/", profile.picture, name="photo-picture"),
    path("photos/<int:pk>/square/", profile.square, name="photo-square"),
    path("employees/<int:pk>/invitation/", invitations.invitation, name="invitation"),
    path("employees/<int:pk>/skills/", skills.person_skills, name="skills"),
    path("employees/<int:pk>/skills/names/", skills.suggestions, name="skill-suggestions"),
    path("employees/<int:pk>/absences/", absences.absences, name="absences"),
    path("absences/<int:pk>/", absences.absence, name="absence"),
    path("skills/<int:pk>/", skills.person_skill, name="skill"),
    path("skills/<int:pk>/confirmation/", skills.confirmation, name="skill-confirmation"),
    path("employees/new/", people.new, name="new"),
    path("employees/<int:pk>/", people.person, name="person"),
    path("employees/<int:pk>/suspension/", people.suspension, name="suspension"),
    path("employees/<int:pk>/dismissal/", profile.dismissal, name="dismissal"),
    path("employees/duplicates/", merging.duplicates, name="duplicates"),
    path("employees/<int:pk>/merger/", merging.with_whom, name="merger-with"),
    path("employees/<int:pk>/merger/<int:gone>/", merging.merger, name="people-merger"),
    path("employees/<int:pk>/erasure/", erasure.erasure, name="erasure"),
]
