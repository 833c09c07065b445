"""Vectors for words: counts and skip-grams, their training, and a map of them."""
