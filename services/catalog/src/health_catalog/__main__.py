"""``python -m health_catalog``: the catalogue's own process, which keeps crawlers. See ``health_catalog.crawlers``."""

from __future__ import annotations

import sys

from health_catalog.crawlers.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
