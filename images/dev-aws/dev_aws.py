"""An S3 and Glue endpoint in a pod: moto's server, on all of the pod's addresses. All that it holds is in memory."""

from __future__ import annotations

import logging
import os

PORT = 5000


def serve() -> None:
    """Until SIGTERM."""
    # Buckets are in paths; moto would take dev-aws.<namespace>.svc for the bucket dev-aws. It reads this when imported.
    os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"
    from moto.server import main  # noqa: PLC0415

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line per request
    main(["--host", "0.0.0.0", "--port", str(PORT)])  # noqa: S104 (a pod's Service comes in by its own address)


if __name__ == "__main__":
    serve()
