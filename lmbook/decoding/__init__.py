"""Decoding: text from a trained model and a prompt."""
