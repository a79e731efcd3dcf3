# The images; images/README.md explains.
REGISTRY ?= localhost
TAG ?= dev
IMAGES ?=
BASE ?=

.PHONY: images
images: prerequisites ## Build the images (IMAGES="producer spark", REGISTRY, TAG, BASE), with Docker or buildah
	@$(PYTHON) images/build --registry $(REGISTRY) --tag $(TAG) --base "$(BASE)" $(IMAGES)

.PHONY: image-locks
image-locks: prerequisites ## Write the parts of requirements.lock that images and Glue jobs have anew (make lock does it as well)
	@$(PYTHON) images/build --lock

.PHONY: images-test
images-test: setup ## Run every image read-only and as nobody (root, after make images with buildah)
	@$(BIN)/pytest tests/images
