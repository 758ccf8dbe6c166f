"""The CRM: leads, deals, clients, what was agreed with them and what comes next."""
