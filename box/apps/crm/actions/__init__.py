"""Every write in the CRM."""
