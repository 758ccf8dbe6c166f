"""CalDAV and CardDAV for phones and mail programs: Radicale's protocol code over what rooms offer
(`box.core.registry.dav`), with passwords of their own for devices."""
