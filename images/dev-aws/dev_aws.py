"""An S3 and Glue endpoint in a pod: moto's server, on all of the pod's addresses. All that it holds is in memory."""

from __future__ import annotations

import logging

from moto.server import main

PORT = 5000

if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line per request
    main(["--host", "0.0.0.0", "--port", str(PORT)])  # noqa: S104 (a pod's Service comes in by its own address)
