"""What if: the same week planned many times with other rules, or in another world."""
