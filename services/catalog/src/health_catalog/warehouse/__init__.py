"""The transformed zone in a warehouse: Amazon Redshift, or duckdb on this machine.

The transform writes an hour of a table anew, to a folder of its own, and moves the partition in the catalogue there. So
a partition's location is its version, and what is to be loaded is what the catalogue has and the warehouse's ledger has
not. ``plan`` finds that out and is pure; ``lake`` reads the catalogue and the files; ``loader`` has both carried out by
an engine, which is ``local`` (duckdb) or ``redshift``. A load replaces the rows of the partitions' former versions and
writes the ledger in the same transaction: whatever is interrupted is either done or has left no trace.
"""
