"""Which pilot a task is bound to, and when: one file a policy."""
