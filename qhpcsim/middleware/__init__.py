"""The upper three layers: workflows, pilots and tasks on top of the facility's resources."""
