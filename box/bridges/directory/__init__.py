"""The company's directory (LDAP, Active Directory): people, departments and groups follow it."""
