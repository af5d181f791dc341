"""Models to compare with, on the same information: counting, neighbours, a linear model, boosted trees."""
