"""What people send to calls, and administrators to their PBXs."""
