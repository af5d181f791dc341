"""Prices of bundles where every segment buys what leaves it most (Hanson & Martin 1990); see ASSORTMENT.md."""
