"""The self-contained HTML report; the only room that draws."""
