# The charts; each has a README.
.PHONY: charts-sync
charts-sync: setup ## Write the CRD's copy, dashboards and the READMEs' tables of values anew
	@$(BIN)/python -m charts.sync

.PHONY: chart-test
chart-test: setup ## Lint and install the charts (helm and a real API server, built once with Go)
	@$(PYTHON) k8s/local/nodectl build helm etcd localkube
	@$(BIN)/pytest tests/kubernetes/charts

# For where no repository of charts can be reached; elsewhere: helm dependency build charts/health-platform.
.PHONY: platform-chart
platform-chart: setup ## charts/health-platform with what it consists of, as far as the Go proxy has it (build/charts)
	@PYTHONPATH=k8s/local $(BIN)/python -m charts.vendor
