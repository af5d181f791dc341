"""The report: one self-contained HTML page without scripts, made from a run folder's own content."""
