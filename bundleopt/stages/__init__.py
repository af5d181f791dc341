"""The stages of planning: each a few functions from typed values to typed values."""
