from django.urls import path

from box.core.drafts import views

app_name = "drafts"
urlpatterns = [path("drafts/<slug:place>/", views.draft, name="draft")]
