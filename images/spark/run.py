"""``python -m`` for Spark, which starts files only: ``run.py health_streaming.jobs.landing``."""

import runpy
import sys

runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
