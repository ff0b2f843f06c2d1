"""How a store written by an older Tarragon becomes one this Tarragon reads."""
