"""A delivered plan as tables, totals and sentences: the one evaluation that files, report and summary share."""
