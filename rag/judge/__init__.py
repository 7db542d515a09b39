"""The judge of claims: its windows, its checks, its training recipe, its weights and their card."""
