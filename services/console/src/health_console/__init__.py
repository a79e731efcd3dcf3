"""What a pipeline does, for people with a browser: a live map of its city, the health of its path. Read only.

``records`` reads Kafka's records, ``city`` keeps what they tell (vehicles, calls), ``frames`` puts it into words for
the page, ``latencies`` and ``letters`` keep what else they show; ``history`` and ``health`` make the page of the
pipeline's health; ``privacy`` hides who the patients are; ``access`` knows who may see what. All of these are pure.
``kafka`` reads the topics, ``watch`` asks the components, ``feed`` puts it together on one clock, ``api`` serves it as
server-sent events, ``server`` runs it all. ``web`` holds the pages as they are sent: nothing is fetched from elsewhere,
nothing is built.

The map is drawn on a plain canvas. There are no tiles to load, and what moves is drawn anew for each frame anyway, so
of a library of maps only panning and zooming would be left; these are a hundred lines.
"""
