"""`helm test`: some replica holds the Lease, or does so within a minute. The argument is the URL of the metrics."""

import sys
import time
import urllib.request

until = time.monotonic() + 60
while time.monotonic() < until:
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=5) as answer:
            metrics = answer.read().decode()
    except OSError as error:
        print(f"{sys.argv[1]}: {error}")
    else:
        if "health_operator_leader 1.0" in metrics.splitlines():
            print("a replica is at work")
            sys.exit(0)
        print("this replica stands by")
    time.sleep(1)
sys.exit("no replica is at work")
