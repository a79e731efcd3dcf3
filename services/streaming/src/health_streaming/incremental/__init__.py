"""Raw zone to transformed zone, a little at a time: what a crash interrupts is done again, with the same result.

``plan`` is pure: which files are new, and what is remembered of them. ``store`` is the lake: its files and folders.
``run`` does one increment in this order:

1. find the raw files that no earlier run has taken in, and the hours (of the events' own time) that their rows fall in;
2. write each of these hours anew, in every table, to a folder that nobody reads yet;
3. point the catalogue's partitions at the new folders, so that a reader sees an hour as it was or as it is;
4. delete what nobody can be reading any more, and only then remember the files as taken in.

De-duplication is a set union with a fixed winner per event id, so an hour that has taken in a file twice is the same as
one that has taken it in once: no step needs to know whether it is the first attempt.
"""
