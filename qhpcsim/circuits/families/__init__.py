"""Circuits by name, ``family:n:params``: one function a family, the same circuit for the same words."""
