"""What makes the reference pages, the tables of the validation page and the equations."""
