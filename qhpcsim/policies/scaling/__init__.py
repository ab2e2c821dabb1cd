"""When an application asks for more pilots and gives idle ones back: one file a policy."""
