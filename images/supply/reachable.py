"""Ends with 0 where the advisory database answers, else with one line: unknown is not the same as unsafe."""

import http
import http.client
import sys

DATABASE, AN_ADVISORY = "api.osv.dev", "/v1/vulns/PYSEC-2018-28"

if __name__ == "__main__":
    asked = http.client.HTTPSConnection(DATABASE, timeout=10)
    try:
        asked.request("GET", AN_ADVISORY)
        answer = asked.getresponse()
        if answer.status != http.HTTPStatus.OK:  # somebody on the way may have answered
            raise ConnectionError(f"{answer.status} {answer.reason}")
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"error: {DATABASE} does not answer ({error}), so nothing was audited")
    finally:
        asked.close()
