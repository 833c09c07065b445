"""Spoken words to text: recordings, log-mel spectrograms, a recognizer trained by CTC, and its word errors."""
