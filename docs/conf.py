"""Sphinx configuration: MyST pages, the Furo theme, nothing executed."""

from importlib.metadata import version as installed

project = "qhpcsim"
author = "The qhpcsim developers"
copyright = f"2026, {author}"
release = version = installed("qhpcsim")

extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["images/README.md"]

html_theme = "furo"
html_title = f"qhpcsim {release}"
