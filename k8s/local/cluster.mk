# A real cluster for anyone; CLUSTER=existing|kind|node chooses, k8s/local/README.md explains.
CLUSTER_COMMAND := PYTHON=$(PYTHON) k8s/local/cluster

.PHONY: cluster-up
cluster-up: prerequisites ## A real Kubernetes: KUBECONFIG's (CLUSTER=existing), kind, or a node without Docker
	@$(CLUSTER_COMMAND) up

.PHONY: cluster-down
cluster-down: prerequisites ## Remove it without a trace
	@$(CLUSTER_COMMAND) down

.PHONY: cluster-shell
cluster-shell: prerequisites ## A shell in which kubectl and helm talk to it
	@$(CLUSTER_COMMAND) exec

.PHONY: cluster-build
cluster-build: prerequisites ## Build the node's programs ahead of time (about 15 min, once)
	@$(PYTHON) k8s/local/nodectl build

.PHONY: base-image
base-image: prerequisites ## Make the base image of our images from Debian's packages, for buildah
	@$(PYTHON) k8s/local/nodectl base-image

.PHONY: kube-test
kube-test: setup ## Tests against a real API server (etcd and kube-apiserver alone, built once with Go)
	@$(PYTHON) k8s/local/nodectl build etcd localkube
	@$(BIN)/pytest tests/kubernetes

# The tests build on each other, so the first that fails is the one to read. A wait in them may take minutes.
.PHONY: e2e
e2e: setup cluster-up images ## The whole system on a real cluster: images, charts, a pipeline, its faults, its end
	@FRESH=1 k8s/local/install
	@$(CLUSTER_COMMAND) exec $(BIN)/pytest tests/e2e --exitfirst --timeout=900 -v --durations=0 --durations-min=1

# It takes about an hour and a half, so it is no part of e2e.
.PHONY: e2e-faults
e2e-faults: setup cluster-up images ## Each stage stalled, a step of load, and alerts of Prometheus, on a real cluster
	@$(BIN)/python -m tests.monitoring.programs
	@FRESH=1 k8s/local/install
	@$(CLUSTER_COMMAND) exec $(BIN)/pytest tests/e2e_faults --timeout=1500 -v --durations=0 --durations-min=1
