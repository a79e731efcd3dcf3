# AWS; k8s/aws/README.md explains.
IAM_ENDPOINT := .cache/iam-endpoint

.PHONY: aws-files
aws-files: setup ## Write policies, the roles' template and their table in the docs anew
	@PYTHONPATH=k8s/aws $(BIN)/python k8s/aws/aws_write.py

.PHONY: compose-file
compose-file: setup ## Write images/compose.yaml anew
	@PYTHONPATH=images $(BIN)/python -m composefile

$(IAM_ENDPOINT)/.installed: tests/aws/requirements.lock tests/aws/schema.lock | prerequisites
	@echo "installing an endpoint that enforces IAM into $(IAM_ENDPOINT)"
	@$(PYTHON) -m venv $(IAM_ENDPOINT)
	@$(IAM_ENDPOINT)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/aws/requirements.lock
	@# Of this one only the schema of compose files is wanted, not what it needs to run.
	@$(IAM_ENDPOINT)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement tests/aws/schema.lock
	@touch $@

.PHONY: iam-test
iam-test: setup $(IAM_ENDPOINT)/.installed ## What AWS roles may do, on an endpoint that enforces it; templates, compose file
	@HEALTH_IAM_ENDPOINT=$(IAM_ENDPOINT)/bin/ministack $(BIN)/pytest tests/aws
