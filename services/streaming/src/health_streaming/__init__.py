"""Spark: Kafka to the raw zone (landing), vitals to alerts, and the raw zone to the transformed zone.

``session`` and ``spark_schema`` are what every job begins with. ``intake``, ``parsing``, ``rules`` and ``areas`` are
pure: contract and spec to Spark SQL. ``reading`` is pure as well: records to Arrow columns. ``sinks`` write, ``jobs``
are what runs.
"""
