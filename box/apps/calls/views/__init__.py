"""What people see of calls, and do with them."""
