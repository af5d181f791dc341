"""Markets with known truth: two unrelated mechanisms that write the data contract's tables and play campaigns.

Files in reading order: `knobs.py`, `catalogue.py`, `shelf.py`, `truth.py`, `equation_law.py`, `equation.py`,
`agent_draws.py`, `agents.py`, `history.py`, `offers.py`, `till.py`, `play.py`, `market.py`, `storage.py`.
"""
