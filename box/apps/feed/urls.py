from django.urls import path

from box.apps.feed import badges
from box.apps.feed.views import listing, posts, scheduled_posts

app_name = "feed"
urlpatterns = [
    path("feed/", listing.feed, name="list"),
    path("feed/news/", listing.news, name="news"),
    path("feed/audiences/", listing.audiences, name="audiences"),
    path("feed/<int:pk>/", posts.post, name="post"),
    path("feed/<int:pk>/restoration/", posts.restoration, name="restoration"),
    path("feed/<int:pk>/menu/", posts.menu, name="menu"),
    path("feed/<int:pk>/text/", posts.text, name="text"),
    path("feed/<int:pk>/vote/", posts.vote, name="vote"),
    path("feed/<int:pk>/reading/", posts.reading, name="reading"),
    path("feed/<int:pk>/readers/", posts.readers, name="readers"),
    path("feed/<int:pk>/versions/", posts.versions, name="versions"),
    path("feed/<int:pk>/favourite/", posts.favourite, name="favourite"),
    path("feed/<int:pk>/hiding/", posts.hiding, name="hiding"),
    path("feed/<int:pk>/following/", posts.following, name="following"),
    path("feed/<int:pk>/pin/", posts.pin, name="pin"),
    path("feed/thanks/", badges.thanks, name="thanks"),
    path("feed/thanks/<int:pk>/", badges.thanks_to, name="thanks-to"),
    path("feed/badges/", badges.badges, name="badges"),
    path("feed/badges/<int:pk>/", badges.badge, name="badge"),
    path("feed/badges/pictures/<int:pk>/", badges.picture, name="badge-picture"),
    path("feed/scheduled/", scheduled_posts.scheduled, name="scheduled"),
    path("feed/scheduled/<int:pk>/", scheduled_posts.scheduled_post, name="scheduled-post"),
    path("feed/scheduled/<int:pk>/publication/", scheduled_posts.publication, name="publication"),
]
