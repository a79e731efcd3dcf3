"""Ends with 0 where the advisory database answers, else with 3 and one line: unknown is not the same as unsafe."""

import sys
import urllib.request

DATABASE = "https://api.osv.dev"
AN_ADVISORY = f"{DATABASE}/v1/vulns/PYSEC-2018-28"
UNREACHABLE = 3

if __name__ == "__main__":
    try:
        urllib.request.urlopen(AN_ADVISORY, timeout=10).close()
    except OSError as error:
        print(f"error: {DATABASE} does not answer ({error}), so nothing was audited", file=sys.stderr)
        sys.exit(UNREACHABLE)
