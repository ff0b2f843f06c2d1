"""The part of the old toolkit that everybody used."""
