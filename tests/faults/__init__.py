"""Fault runs: the whole stack as separate processes, users who send, one fault, and a check that
nothing acknowledged was lost, repeated, reordered or shown to someone it was not for.

``python -m tests.faults --help``
"""
