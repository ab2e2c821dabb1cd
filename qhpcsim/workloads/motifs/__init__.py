"""Motifs: recurring shapes of hybrid applications, one file each; a motif turns parameters into a workflow."""
