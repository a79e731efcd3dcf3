"""Components that keep something of a pipeline's in AWS beside its data, and who removes it again; pure.

The operator itself does not speak to AWS. What one of them has made is removed by a Job of the same image, with the
same service account: no other role may.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from health_pipeline import Bindings, HealthPipeline
from health_pipeline.catalogue import keeps_in_aws
from health_pipeline.components import CATALOG_MODULE, ETL_MODULE, catalog_settings, etl_settings
from health_pipeline.settings import LakeSettings
from health_pipeline.transforms import is_glue


@dataclass(frozen=True)
class Keeper:
    """``stage``: of the component, of its service account and of its Deployment. ``keeps``: whether it is to."""

    stage: str
    module: str
    keeps: Callable[[HealthPipeline], bool]
    settings: Callable[[HealthPipeline, Bindings], LakeSettings]

    @property
    def removal(self) -> str:
        """The component that removes what this one has made."""
        return f"{self.stage}-removal"


KEEPERS = (
    Keeper("catalog", CATALOG_MODULE, lambda pipeline: keeps_in_aws(pipeline.spec.catalog), catalog_settings),
    # A job goes on by its own schedule, whoever is suspended; and it holds nothing that a new one would not find.
    Keeper(
        "transform",
        ETL_MODULE,
        lambda pipeline: is_glue(pipeline.spec.transform) and not pipeline.spec.suspend,
        etl_settings,
    ),
)
