# What is in what we ship, and what is known against it; SECURITY.md explains.
SUPPLY := .cache/supply
JAR_LOCKS := $(wildcard services/cli/src/healthctl/embedded/jar_sets/*.jars.lock)
IMAGE_LOCKS := $(wildcard images/requirements/*.lock)

$(SUPPLY)/.installed: images/supply/requirements.lock | prerequisites
	@echo "installing the tools for bills of materials and audits into $(SUPPLY)"
	@$(PYTHON) -m venv $(SUPPLY)
	@$(SUPPLY)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement images/supply/requirements.lock
	@touch $@

.PHONY: sbom
sbom: $(SUPPLY)/.installed ## Bills of materials (CycloneDX) of Python packages, images and jars, into build/sbom
	@mkdir -p build/sbom
	@$(SUPPLY)/bin/cyclonedx-py requirements --output-reproducible --output-file build/sbom/development.cdx.json requirements.lock
	@for lock in $(IMAGE_LOCKS); do \
	  $(SUPPLY)/bin/cyclonedx-py requirements --output-reproducible --output-file build/sbom/image-$$(basename $$lock .lock).cdx.json $$lock; done
	@for lock in $(JAR_LOCKS); do \
	  $(SUPPLY)/bin/python images/supply/jars.py $$lock build/sbom/jars-$$(basename $$lock .jars.lock).cdx.json; done
	@ls build/sbom

.PHONY: audit
audit: $(SUPPLY)/.installed ## Ask the advisory database about the pinned Python packages (needs the network)
	@$(PYTHON) images/supply/reachable.py
	@$(SUPPLY)/bin/pip-audit --disable-pip --require-hashes --vulnerability-service osv --requirement requirements.lock

.PHONY: image-scan
image-scan: ## Scan the images with trivy, where it is installed (REGISTRY, TAG; IMAGES as for make images)
	@command -v trivy >/dev/null || { echo "trivy is needed: install it (its own page tells how), or scan the registry that you push to" >&2; exit 1; }
	@for image in $(or $(IMAGES),$(filter-out pyspark,$(notdir $(basename $(IMAGE_LOCKS))))); do \
	  echo "== health-$$image:$(TAG)"; \
	  trivy image --exit-code 1 --ignore-unfixed --severity HIGH,CRITICAL "$(REGISTRY)/health-$$image:$(TAG)"; done
