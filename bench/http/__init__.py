"""Requests through the whole server, against bare servers that do nothing."""
