from django.urls import path

from box.core.accounts import joining, passkey_pages, password_reset_pages, security, signing_in, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", signing_in.sign_in, name="sign-in"),
    path("sign-in/forgotten/", password_reset_pages.forgotten, name="password-reset"),
    path("sign-in/reset/<str:token>/", password_reset_pages.reset, name="password-reset-link"),
    path("sign-in/second-step/", signing_in.second_step, name="second-step"),
    path("sign-in/passkey/", passkey_pages.sign_in, name="passkey-sign-in"),
    path("sign-in/passkey/challenge/", passkey_pages.challenge_to_sign_in, name="passkey-challenge"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("join/<str:token>/", joining.join, name="join"),
    path("preferences/", views.preferences, name="preferences"),
    path("profile/", views.own_profile, name="profile"),
    path("profile/proof/", signing_in.proof, name="proof"),
    path("profile/security/", security.security, name="security"),
    path("profile/security/app/", security.totp, name="totp"),
    path("profile/security/passkeys/", passkey_pages.adding, name="passkeys"),
    path("profile/security/passkeys/challenge/", passkey_pages.challenge_to_add, name="passkeys-challenge"),
    path("profile/security/passkeys/<int:pk>/", passkey_pages.passkey, name="passkey"),
    path("profile/security/recovery-codes/", security.recovery_codes, name="recovery-codes"),
    path("profile/security/sessions/ending/", security.ending, name="ending"),
    path("profile/security/sessions/<slug:name>/ending/", security.one_ending, name="one-ending"),
    path("employees/<int:pk>/second-factor/", security.second_factor, name="second-factor"),
    path("profile/password/", views.password, name="password"),
    path("employees/<int:pk>/details/", views.details, name="details"),
]
