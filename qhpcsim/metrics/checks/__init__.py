"""Checks of a run's output tables, one file for each kind of rule; ``metrics.invariants`` calls them all."""
