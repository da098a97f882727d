"""What a space may use: limits that are off until they are set, and what is left of them (semantics.md §15)."""
