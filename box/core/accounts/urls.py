from django.urls import path

from box.core.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("preferences/", views.preferences, name="preferences"),
    path("profile/", views.own_profile, name="profile"),
    path("profile/password/", views.password, name="password"),
    path("employees/<int:pk>/details/", views.details, name="details"),
]
