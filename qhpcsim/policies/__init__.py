"""Decisions only: no SimPy, no pandas. One file a policy."""
