"""``make bench``: each thing beside its usual alternative, in one run, on one machine; nothing here is a test."""
