from django.urls import path
from django.views.generic import RedirectView

from box.apps.feed import views

app_name = "feed"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="feed:list"), name="home"),
    path("feed/", views.feed, name="list"),
    path("feed/news/", views.news, name="news"),
    path("feed/audiences/", views.audiences, name="audiences"),
    path("feed/<int:pk>/", views.post, name="post"),
    path("feed/<int:pk>/comments/", views.comments, name="comments"),
    path("feed/<int:pk>/comments/news/", views.comment_news, name="comment-news"),
    path("feed/<int:pk>/reaction/", views.reaction, name="reaction"),
]
