"""The pipeline's own watcher: one small document that says how it does, and canaries that prove its path.

It asks every component for its metrics, follows the alerts and dispatches on Kafka, and answers ``GET /slo``. What that
document holds, and the watcher's metrics, is told by README.md and nowhere else.

``readings`` interprets metrics, ``slo`` computes, ``canary``, ``outcomes`` and ``latencies`` know records, ``canaries``
what those prove; all are pure. ``scrape``, ``kafka`` and ``api`` do the I/O, ``proving`` has canaries sent and told of,
and ``service`` ties them together.
"""
