"""What follows from what the directory holds and what is here: decided, and not yet done.

Nothing in these modules asks a server or the database. They take values and give values, so that a preview
and a run are the same plan, and so that it can be tested with any company there could be.
"""
