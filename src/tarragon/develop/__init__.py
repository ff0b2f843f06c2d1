"""The loop from a table to a verdict, and everything a run leaves behind."""
