"""HTTP of the CRM."""
