"""Prometheus: rules and their forms."""
