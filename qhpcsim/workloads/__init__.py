"""Jobs in: trace readers and writers, workload generators, cleaning rules."""
