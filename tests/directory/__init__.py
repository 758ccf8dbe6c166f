"""Real directories for tests: an Active Directory domain controller (Samba) and an OpenLDAP (slapd)."""
