from django.urls import path

from box.core.files import views

app_name = "files"
urlpatterns = [
    path("files/uploads/", views.uploads, name="uploads"),
    path("files/uploads/<int:pk>/", views.upload, name="upload"),
    path("files/uploads/<int:pk>/parts/", views.parts, name="parts"),
    path("files/uploads/<int:pk>/completion", views.completion, name="completion"),
    path("files/<int:pk>/content", views.content, name="content"),
    path("files/<int:pk>/preview", views.preview, name="preview"),
    path("files/<int:pk>/thumbnail", views.thumbnail, name="thumbnail"),
]
