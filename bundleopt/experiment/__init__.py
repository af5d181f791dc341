"""Experiments inside a campaign: control groups, drawn prices, and which lift they can show."""
