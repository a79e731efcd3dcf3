"""Builders: one module for each kind of child, pure functions from a pipeline to manifests (plain dicts)."""
