"""Larger models and many devices: scaling laws, memory, and the time that communication takes."""
