"""Markets with known truth: two unrelated mechanisms that write the data contract's tables and play campaigns.

Files in reading order: `knobs.py`, `catalogue.py`, `shelf.py`, `offers.py`, `truth.py`, `equation_law.py`,
`equation.py`, `agent_trip.py`, `agents.py`, `history.py`, `till.py`, `play.py`, `market.py`, `storage.py`.
"""
