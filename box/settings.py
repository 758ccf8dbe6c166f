"""Django's settings, all of them read from the one file that the appliance generates for the portal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
from django.utils.csp import CSP

from box.lib.memcached import ByName
from box.lib.serde import JsonSerde

# Lets a class say what it is generic in: ModelForm[User], Lookup[Any].
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

CONFIG_FILE = Path(os.environ.get("KOROBKA_CONFIG", "/etc/korobka/generated/portal/portal.json"))
try:
    KOROBKA: dict[str, Any] = json.loads(CONFIG_FILE.read_text())
except FileNotFoundError:
    raise SystemExit(
        f"{CONFIG_FILE} is missing: run 'boxctl config apply', or name another file in KOROBKA_CONFIG."
    ) from None

VERSION: str = KOROBKA["version"]
SECRET_KEY: str = KOROBKA["secret_key"]
DEBUG = False
# The balancer passes on only what is addressed to the box; a name that is not its own never gets here, see
# docs/dev/decisions/0121-names-of-the-portal.md.
ALLOWED_HOSTS = ["*"]
# Where people find the box: what letters link to.
PORTAL_URL: str = f"https://{KOROBKA['hostname']}" + (
    "" if KOROBKA["https_port"] == 443 else f":{KOROBKA['https_port']}"
)
STATE_DIR = Path(KOROBKA["state_dir"])
# Where the machine's administrator puts the dump of a boxed portal that moves in, and what is read of it: a
# copy, which may be made again. docs/dev/decisions/0520-dumps-are-read-and-not-run.md
MOVING_DIR = Path("/srv/korobka-moving")
EXTRACTS_DIR = Path(f"/var/tmp/korobka-extracts-{os.geteuid()}")  # noqa: S108 - checked to be ours alone
AGENT_SOCKET = Path(KOROBKA["agent_socket"])
# What this node of a cluster is called; empty on a single box. Files and backups are on one of them.
NODE = KOROBKA["node"]
IS_HOME = KOROBKA["is_home"]

INSTALLED_APPS = [
    "box.core.registry",
    "box.core.events",
    "box.core.access",
    "box.core.fields",
    "box.core.accounts",
    "box.core.files",
    "box.core.lists",
    "box.core.boards",
    "box.core.drafts",
    "box.core.imports",
    "box.core.relations",
    "box.core.portal",
    "box.core.structure",
    "box.core.people",
    "box.core.groups",
    "box.core.discussion",
    "box.core.push",
    "box.core.notify",
    "box.core.history",
    "box.core.audit",
    "box.bridges.dav",
    "box.bridges.directory",
    "box.bridges.mail",
    "box.bridges.storage",
    "box.bridges.telephony",
    "box.apps.feed",
    "box.apps.drive",
    "box.apps.calendar",
    "box.apps.worktime",
    "box.apps.crm",
    "box.apps.tasks",
    "box.apps.calls",
    "box.apps.pulse",
    # Behind all that it finds: its share of a demonstration company is the index of everybody's.
    "box.core.search",
    "box.rest",
    "box.transfer",
    "box.console",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
]

MIDDLEWARE = [
    "box.core.registry.metrics.MetricsMiddleware",
    # Above everything that reads a form.
    "box.core.registry.encoding.EncodingMiddleware",
    # Above everything that may write an address into a log.
    "box.rest.middleware.DoorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "box.core.registry.compression.CompressionMiddleware",
    "box.core.registry.availability.AvailabilityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "box.core.accounts.middleware.PersonMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "box.core.accounts.middleware.ReaderMiddleware",
    "box.core.registry.services.ServicesMiddleware",
    "box.core.accounts.gate.GateMiddleware",
    "box.core.notify.presence.PresenceMiddleware",
    # Below all that asks who somebody is and what they may: that is the leader's to say.
    "box.core.registry.replicas.ReplicaMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "box.urls"
WSGI_APPLICATION = "box.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "box/jinja2"],
        "APP_DIRS": True,
        "OPTIONS": {
            "environment": "box.core.registry.environment.environment",
            "context_processors": [
                "box.core.registry.context.shell",
                "box.core.notify.context.bell",
            ],
        },
    },
]

_database = KOROBKA["database"]
_replicas = _database.get("replicas_port")
_as_owner = os.environ.get("KOROBKA_DATABASE_ROLE") == "owner"
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _database["host"],
        "PORT": _database["port"],
        "NAME": _database["name"],
        "USER": _database["owner"] if _as_owner else _database["user"],
        # What this process starts has no use for it, and can be looked into: see appliance.unseen.
        "PASSWORD": os.environ.pop("PGPASSWORD", "") if _as_owner else "",
        # `manage.py web` makes it a pool, as large as its threads are many.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "application_name": os.environ.get("KOROBKA_SERVICE", "portal"),
            # Seconds. While one attempt hangs, the pool begins no other. In a cluster some do while the lead
            # moves, and the router gives up a server after two seconds in any case: see decision 0595.
            "connect_timeout": 2 if _replicas else 5,
            # Of queries that are composed once, and of no others: see box.lib.prepared. PostgreSQL by itself
            # would plan them again and again where a list of keys might be longer than it is.
            "prepare_threshold": 5,
            "options": "-c plan_cache_mode=force_generic_plan",
        },
    }
}
# Of a node whose cluster has replicas, by a way of their own: see box.core.registry.replicas.
if _replicas:
    DATABASES["replica"] = {
        **DATABASES["default"],
        "PORT": _replicas,
        "CONN_HEALTH_CHECKS": False,  # each request begins with a question of its own
    }
DATABASE_ROUTERS = ["box.lib.replicas.ReplicaRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": KOROBKA["cache"]["servers"],
        "KEY_PREFIX": "korobka",
        "OPTIONS": {
            "serde": JsonSerde(),
            # Without its cache the portal is slower, never broken.
            "ignore_exc": True,
            "connect_timeout": 0.5,
            "timeout": 0.5,
            # In a cluster a server that is away is left out, and looked for again.
            "hasher": ByName,
            "dead_timeout": 5,
            "retry_attempts": 0,
        },
    }
}

HUEY = {
    "huey_class": "huey.PostgresHuey",
    "name": "jobs",
    "immediate": False,
    "results": False,
    # Migrations make the tables: the application's role may not.
    "create_tables": False,
    "connection": {
        "host": _database["host"],
        "port": _database["port"],
        "dbname": _database["name"],
        "user": DATABASES["default"]["USER"],
        "password": DATABASES["default"]["PASSWORD"],
        "application_name": "huey",
    },
}
TASKS = {"default": {"BACKEND": "huey.contrib.djhuey.tasks_backend.HueyBackend"}}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "box.core.accounts.backends.PasswordBackend",
    "box.bridges.directory.backends.DirectoryBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "box.core.accounts.policy.PolicyValidator"},
    {"NAME": "box.core.accounts.policy.UnlikeThePerson"},
    {"NAME": "box.core.accounts.policy.Uncommon"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "portal:home"
LOGOUT_REDIRECT_URL = "accounts:sign-in"

SESSION_ENGINE = "box.core.accounts.sessions"
SESSION_COOKIE_NAME = "__Host-session"
SESSION_COOKIE_SECURE = True
# Its row says when a session ends: see box.core.accounts.sessions.
SESSION_COOKIE_AGE = 365 * 24 * 3600
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = False  # htmx sends it as a header
CSRF_FAILURE_VIEW = "box.core.registry.errors.csrf_failure"
# Set by the balancer, which removes what a client sent; nothing else reaches a worker's socket.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "blob:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
if _public_host := KOROBKA["objects"]["public_host"]:
    for _directive in ("img-src", "connect-src"):
        SECURE_CSP[_directive].append(f"https://{_public_host}")
# Which of the machine's own networks outgoing webhooks may reach: see box.lib.egress.
REACHABLE_NETWORKS: list[str] = KOROBKA.get("reachable_networks", [])
# Who may read /metrics: see box.console.metrics.
METRICS: dict[str, Any] = KOROBKA.get("metrics", {"networks": [], "token_sha256": ""})
# PBXs to whose WebSockets the balancer leads phones in browsers: see box.bridges.telephony.credentials.
_phones: dict[str, Any] = KOROBKA.get("phones", {"names": [], "key": ""})
BROWSER_PHONES: list[str] = _phones["names"]
BROWSER_PHONES_KEY: str = _phones["key"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# Of a file, in bytes. Files don't come this way; the portal only opens their uploads.
FILE_SIZE_LIMIT: int = KOROBKA.get("file_size_limit", 10 * 1024**3)

LANGUAGE_CODE = KOROBKA["language"]
LANGUAGES = [("en", "English"), ("ru", "Русский")]
LANGUAGE_COOKIE_NAME = "language"
LOCALE_PATHS = [BASE_DIR / "box/locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = KOROBKA["time_zone"]

STATIC_URL = "/static/"
STATIC_ROOT = KOROBKA["static_root"]
STATICFILES_DIRS = [
    path for path in (BASE_DIR / "box/static", BASE_DIR / "box/frontend/dist") if path.is_dir()
]
STORAGES = {
    "staticfiles": {"BACKEND": "box.lib.staticfiles.ReleaseStaticFilesStorage"},
}
# Where nothing was collected, as in a checkout, the files are served from where they lie.
if "collectstatic" not in sys.argv and not (Path(STATIC_ROOT) / "staticfiles.json").exists():
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_AUTOREFRESH = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"discreet": {"()": "box.lib.logs.Discreet"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["discreet"]}},
    "root": {"handlers": ["stderr"], "level": KOROBKA["log_level"]},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        # A 404 or a 403 is an answer, not an incident.
        "django.request": {"level": "ERROR"},
        # Nor is a balancer that hangs up once it has read the status of a health check.
        "waitress": {"level": "WARNING"},
    },
}

SILENCED_SYSTEM_CHECKS: list[str] = []
