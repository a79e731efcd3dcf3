"""A real one-node Kubernetes without Docker; ../README.md explains it, ../nodectl is its command line."""
