"""Which of its alternatives a stage takes when it begins: one file a policy."""
