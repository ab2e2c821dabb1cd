"""Batch scheduling: queue orders, backfilling rules and the policies made of them."""
