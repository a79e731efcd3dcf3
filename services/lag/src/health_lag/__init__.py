"""The pipeline's own watcher: one small document that says how it does, and canaries that prove its path.

It asks every component for its metrics, follows the alerts and dispatches on Kafka, and answers ``GET /slo`` with JSON:

    {
      "pipeline": "london",
      "eventsPerSecond": 1126.4,        items that producers gave to Kafka, all sources, dead letters among them
      "lagSeconds": 0.4,                the worst of ``lags`` but transform's; null until landing's first batch is done
      "alertLatencyP50Ms": 6.0,         from a reading to its alert on Kafka
      "alertLatencyP99Ms": 82.0,
      "dispatchLatencyP99Ms": 211.0,    from a reading to its dispatch on Kafka
      "freshnessSeconds": 12.1,         the oldest among the newest rows of the sources' tables
      "alertsTotal": 1562,              alerts on Kafka, canaries left out; one that was sent again counts again
      "dispatchesTotal": 53,            dispatches on Kafka that sent a vehicle
      "deadLettersTotal": 189,          records ever written to the topic of dead letters
      "lastEventTime": "2026-01-02T12:00:00.123Z",   of the newest reading that a producer has given to Kafka
      "canaryAgeSeconds": 3.2,          since the sending of the newest canary whose alert has come
      "canaryLatencyMs": 9.0,           of that canary, from its reading to its alert on Kafka
      "lags": {"dispatch": 0.0, ...}    how many seconds each component is behind what it reads (slo.component_lags)
      "components": {"landing": true, ...},          whether its metrics answered just now
      "troubles": {"catalog": "vitals: CrawlFailed"}  what a component says it cannot do; most have no such word
    }

Rates and latencies are over the last minute. ``null``
is what is not known: nothing of the kind has been seen (yet, or within that minute). Lag and freshness of a component
that answers no longer go on growing from what it said last. Totals reach back as far as Kafka keeps the records, and
are null until those are read, so they do not begin anew when a component is restarted.

``readings`` interprets metrics, ``slo`` computes, ``canary``, ``outcomes`` and ``latencies`` know what the records mean; all pure.
``scrape``, ``kafka`` and ``api`` do the I/O, ``service`` ties them together.
"""
