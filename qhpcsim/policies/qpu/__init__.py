"""Decisions of QPU services: who is next on a QPU (disciplines), and which QPU a job goes to (choices)."""
