"""Offers of a fixed menu for very many customers: prices by bundle-Newton steps, whole offers by exact repair."""
