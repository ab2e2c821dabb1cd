"""Studies ask questions with many simulations: sweeps, comparisons, plans, and the ledger that survives a crash."""
