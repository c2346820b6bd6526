"""Tests of the operators' tool."""
