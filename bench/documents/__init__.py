"""The document engine against raw SQLite in the same run, and against other libraries."""
