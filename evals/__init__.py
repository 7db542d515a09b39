"""Grounding evals."""
