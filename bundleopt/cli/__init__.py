"""The command line: one file a verb; each parses, calls one function of `bundleopt.api`, and renders its result."""
