"""Errors, identifiers, logging: imports nothing of ours."""
