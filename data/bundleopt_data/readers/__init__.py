"""One reader per kind of source; each writes the same canonical tables."""
