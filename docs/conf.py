"""Sphinx configuration: MyST pages and notebooks, the Furo theme, reference pages made of the code."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "qhpcsim"
author = "The qhpcsim developers"
copyright = f"2026, {author}"
release = version = installed("qhpcsim")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "manual.fields",
    "manual.generated",
    "manual.mathml",
]
exclude_patterns = ["_ext"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
myst_update_mathjax = False
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_in_temp = True

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_custom_sections = ["Model", "Assumes", "Not modelled", "Source"]

html_theme = "furo"
html_title = f"qhpcsim {release}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
