"""The audit log, to be searched and taken along."""
