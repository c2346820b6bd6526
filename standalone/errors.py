"""Faults that a person can mend."""

from __future__ import annotations


class StandaloneError(Exception):
    """A fault told in one line: what is wrong and what to do about it."""
