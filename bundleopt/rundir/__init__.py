"""Run folders: every file of a published plan, written whole or not at all."""
