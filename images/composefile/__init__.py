"""The compose file: a pipeline for people who have Docker and nothing else.

``build`` makes it of the pipeline's components, so it says what healthctl and the operator say; it is pure.
``python -m composefile`` (``make compose-file``) writes images/compose.yaml.
"""
