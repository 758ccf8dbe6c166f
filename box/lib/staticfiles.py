"""Static files of a release: hashed names, compressed, cached for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ReleaseStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Rewrites the imports between our ES modules too, so that each asks for the hashed name of the other."""

    support_js_module_import_aggregation = True
