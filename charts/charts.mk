# The charts; each has a README.
.PHONY: charts-sync
charts-sync: setup ## Write the CRD's copy, dashboards and the READMEs' tables of values anew
	@$(BIN)/python -m charts.sync

.PHONY: chart-test
chart-test: setup ## Lint and install the charts (helm and a real API server, built once with Go)
	@$(PYTHON) k8s/local/nodectl build helm etcd localkube
	@$(BIN)/pytest tests/kubernetes/charts
