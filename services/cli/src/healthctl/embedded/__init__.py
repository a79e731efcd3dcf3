"""A whole pipeline on one machine: Kafka, an S3/Glue endpoint, Spark and every component, as supervised processes.

``run.EmbeddedPipeline`` is the entry. Below it, each in a module of its own: ``jars`` (what the JVM parts need, fetched
once), ``kafka`` and ``lake`` (the infrastructure), ``process`` (a process that cannot outlive us), ``supervisor``
(restarts, back-off, order).
"""
