"""Robots: when something happens to a record, one thing is done with it, if a condition holds.

A robot is data that a form makes, never code. Being called to a record is a row with a key (`RobotRun`), and
what it does is one transaction with that row: killed at any moment it has done it once or not at all.
"""
