"""The subcommands of boxctl that belong to the appliance, each a program of its own.

Exit codes of all of them: 0 all is well or done, 1 something is wrong or failed, 2 wrongly asked.
"""
