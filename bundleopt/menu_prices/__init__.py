"""Willingness-to-pay tables and results of `price`."""
