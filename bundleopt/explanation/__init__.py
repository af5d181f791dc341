"""Answers to why: a bundle in the plan or not in it, a rule, the offers of a customer."""
