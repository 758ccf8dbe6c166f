from django.urls import path

from box.core.portal import views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("help/", views.help_contents, name="help-contents"),
    path("help/for/", views.help_for, name="help"),
    path("help/<slug:name>/", views.help_on, name="help-page"),
    path("logo/<int:number>/", views.logo, name="logo"),
]
