"""The web workers' entry."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "box.settings")

application = get_wsgi_application()
