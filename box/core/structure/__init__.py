"""The structure of the company: departments, who heads them, who belongs where."""
