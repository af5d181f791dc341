"""Solver backends behind one small interface; `table.BACKENDS` lists them."""
