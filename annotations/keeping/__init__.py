"""Backups, bringing them back, and finding what was damaged."""
