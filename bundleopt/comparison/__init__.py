"""Two plans side by side: what changed, for whom, and what it is worth."""
