"""The round trip through a spreadsheet: a plan goes out, decisions come back."""
