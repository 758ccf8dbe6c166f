"""Comments and reactions under anything."""
