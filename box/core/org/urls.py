from django.urls import path

from box.core.org import views

app_name = "org"
urlpatterns = [
    path("employees/", views.people, name="people"),
    path("employees/suggestions/", views.suggestions, name="suggestions"),
    path("employees/new/", views.new, name="new"),
    path("employees/<int:pk>/", views.person, name="person"),
    path("employees/<int:pk>/suspension/", views.suspension, name="suspension"),
    path("employees/<int:pk>/dismissal/", views.dismissal, name="dismissal"),
]
