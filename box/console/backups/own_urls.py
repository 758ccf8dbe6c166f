from django.urls import path

from box.console.backups import retrieving

app_name = "retrievals"
# The balancer logs none of these: see its configuration.
urlpatterns = [
    path("retrievals/", retrieving.retrievals, name="list"),
    path("retrievals/<int:pk>/", retrieving.retrieval, name="retrieval"),
    path("retrievals/<int:pk>/withdrawal/", retrieving.withdrawal, name="withdrawal"),
    path("retrievals/<int:pk>/putting-back/", retrieving.put_back, name="put-back"),
    path("retrievals/<int:pk>/putting-back/<slug:name>/", retrieving.putting_back, name="putting-back"),
]
