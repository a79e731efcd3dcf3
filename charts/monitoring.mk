# Proof of the dashboards and rules of charts/health-monitoring; its README says what is proven.
.PHONY: monitoring-test
monitoring-test: setup ## promtool's tests, and dashboards and rules on a real Prometheus (build/dashboards)
	@$(PYTHON) k8s/local/nodectl build helm etcd localkube
	@$(BIN)/pytest tests/monitoring
