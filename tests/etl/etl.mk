# Both entry points of the transform side by side; services/catalog/ETL.md explains.
GLUE_RUNTIME := .cache/glue-runtime

$(GLUE_RUNTIME)/.installed: tests/etl/requirements.lock | prerequisites
	@echo "installing the Spark of AWS Glue 5.0 into $(GLUE_RUNTIME) (300 MB)"
	@$(PYTHON) -m venv $(GLUE_RUNTIME)
	@$(GLUE_RUNTIME)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/etl/requirements.lock
	@touch $@

.PHONY: etl-test
etl-test: setup $(GLUE_RUNTIME)/.installed ## The transform by the Spark here and by that of AWS Glue, compared row by row
	@HEALTH_GLUE_RUNTIME=$(GLUE_RUNTIME)/bin/python $(BIN)/pytest tests/etl
