"""A source's HTTP API to Kafka: every item is published or dead-lettered, none is skipped.

``sources`` knows HTTP and what an item looks like there, ``checking`` holds each record against the contract,
``publisher`` knows Kafka and keeps the producer's place in its source, ``__main__`` puts the three together.
"""
