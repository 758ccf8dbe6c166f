"""Drives: folders and files that people, workgroups and the company keep, with versions, a trash, and links
for outsiders."""
