from django.urls import path

from box.console.backups import retrievals

app_name = "retrievals"
# The balancer logs none of these: see its configuration.
urlpatterns = [
    path("retrievals/", retrievals.retrievals, name="list"),
    path("retrievals/<int:pk>/", retrievals.retrieval, name="retrieval"),
    path("retrievals/<int:pk>/withdrawal/", retrievals.withdrawal, name="withdrawal"),
    path("retrievals/<int:pk>/putting-back/", retrievals.put_back, name="put-back"),
    path("retrievals/<int:pk>/putting-back/<slug:name>/", retrievals.putting_back, name="putting-back"),
]
