"""Tables and statistics: the field's metrics with their formulas, and the invariants that every run must hold."""
