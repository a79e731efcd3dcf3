# The console in a browser; CHROMIUM=/path where it is not on the PATH.
.PHONY: console-test
console-test: setup ## Look at the console in Chromium (and npm for axe); pictures into build/console
	@$(UV) pip install --quiet --require-hashes --no-deps -r tests/console/requirements.lock
	@$(BIN)/pytest tests/console
