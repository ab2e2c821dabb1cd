"""Results out: the tables of a run, the files they are written to, and exports to other tools' formats."""
