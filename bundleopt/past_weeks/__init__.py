"""Rolling backtests: plans of past weeks, made from what was known then, beside what happened."""
