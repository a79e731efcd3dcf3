"""AWS Glue's crawlers over the raw zone, for pipelines with ``catalog.mode: crawler``; CRAWLERS.md draws the states.

``wanted`` says what must exist in AWS, ``planning`` compares that with what is found, ``machine`` decides for one
crawler when it is started and when a request is done with; the three are pure. ``aws`` and ``requests`` make the calls,
``keeper`` puts it all together, and ``python -m health_catalog.crawlers`` runs it.

Nothing is kept in a process that matters: requests are objects in the lake, the rest is in AWS.
"""
