"""Transform and load as jobs of AWS Glue, for a pipeline whose ETL is Glue's; ETL.md explains.

``schedule`` and ``wanted`` say what must exist in AWS, ``packaging`` what the jobs run; all three are pure but for
reading our own source. ``aws`` makes the calls, ``keeper`` puts it together, and ``python -m health_catalog.etl`` runs
it. What is compared and carried out, and how, is the crawlers' own (``crawlers.planning``), the loop is ``keeping``'s.
"""
