"""Tests of auth and of the account records in api."""
