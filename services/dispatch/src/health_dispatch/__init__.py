"""Abnormal vital sign to the nearest free emergency vehicle."""
