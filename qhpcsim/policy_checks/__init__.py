"""Contract tests for a user's policy: ``check_policy`` says what it breaks, with the smallest example that shows it."""
