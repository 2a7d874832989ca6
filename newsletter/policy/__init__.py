"""Decisions, each with its reason: who is due, when to try again. Pure: `now` is always an argument."""
