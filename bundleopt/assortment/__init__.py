"""Preference tables, wishes and results of `assort`."""
