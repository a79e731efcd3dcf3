"""HTTP APIs of a seeded city: what the real vendors' feeds would send, good days and bad ones.

``city``, ``roads``, ``weather``, ``incidents``, ``patients``, ``vehicles`` and ``traffic`` are the city: pure, seeded,
vectorised. ``population`` walks a source's entities one after the other, ``faults`` spoils some of their records,
``generator`` makes them at the configured rate into a ``feed``, which keeps them for the clients of ``api``. ``orders``
brings the dispatches that the vehicles answer.
"""
