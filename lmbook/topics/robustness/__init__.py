"""Attacks and defences: changed words, poisoned data, prompt injections, guardrails, and a watermark."""
