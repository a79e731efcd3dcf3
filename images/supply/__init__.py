"""What is in what we ship, as CycloneDX documents. `make sbom` runs it in an environment of its own."""
