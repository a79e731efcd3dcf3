"""Spark: Kafka to the raw zone (landing), vitals to alerts, and the raw zone to the transformed zone.

``session`` and ``spark_schema`` are what every job begins with. ``parsing``, ``rules`` and ``areas`` are pure: contract
and spec to Spark SQL. ``sinks`` write, ``jobs`` are what runs.
"""
