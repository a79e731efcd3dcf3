"""What a pipeline's things are called, in AWS and in its lake; pure.

The one place for it: what makes, finds and removes them takes the names from here, and so do the policies of
``k8s/aws``, with placeholders for the arguments. So no name may be put together in a way that another pipeline's name
could be taken for it: the name of a database has no hyphen, and that of a pipeline no underscore and no slash.
"""

from __future__ import annotations

# Folders of the lake beside its two zones.
CHECKPOINTS, RESULTS, CODE = "checkpoints", "athena-results", "etl"
# Where landing leaves word that a table is to be crawled, and the catalogue takes it.
REQUESTS = f"{CHECKPOINTS}/crawl-requests"
# Where landing leaves word that files land in a folder of an earlier day, and the transform looks for it.
LATE = f"{CHECKPOINTS}/late-folders"
# What a Glue job has in between.
TEMPORARY = f"{CODE}/temporary"
# Which files a COPY is to load: beside the tables' folders, where no reader of tables comes.
MANIFESTS = "warehouse/manifests"


def beginning(database: str) -> str:
    """Of crawlers, queues and notifications; no database's name has a hyphen, so none begins as another's."""
    return f"health-{database}-"


def crawled(database: str, table: str) -> str:
    """A crawler of one table, or of a whole zone; and the queue that tells it of new files."""
    return f"{beginning(database)}{table}"


def workflow(database: str) -> str:
    """What runs on the crawlers' schedule."""
    return f"{beginning(database)}crawl"


def trigger(database: str, number: int | str) -> str:
    """A trigger of that workflow; they are counted from 1."""
    return f"{workflow(database)}-{number}"


def is_trigger(database: str, name: str) -> bool:
    """Whether a trigger is the workflow's. A job's trigger is not, whatever the pipeline is called."""
    return name.removeprefix(trigger(database, "")).isdecimal() and name.startswith(trigger(database, ""))


def job(pipeline: str) -> str:
    """The transform as a Glue job, and the trigger that starts it."""
    return f"{pipeline}-transform"


def load(pipeline: str) -> str:
    """The load of the warehouse as a Glue job, and the trigger that starts it behind the transform's."""
    return f"{pipeline}-load"


def job_logs(database: str) -> str:
    """What the names of the jobs' log groups begin with; Glue puts ``/error`` and ``/output`` behind it."""
    return f"/aws-glue/health-{database}"


def workgroup(pipeline: str) -> str:
    """Athena's workgroup, the only one that the pipeline's role may keep."""
    return pipeline
