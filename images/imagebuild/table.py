"""The images that there are. A service of the workspace has one of its own accord, under its folder's name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagebuild.requirements import part, pins
from imagebuild.workspace import members, with_needs


@dataclass(frozen=True)
class Image:
    """An image: the folder of its Dockerfile, and what it holds.

    ``member`` is the distribution of ours in it, ``module`` what its Dockerfile is told to run, ``libraries`` what it
    has from the lock beyond what the member needs.
    """

    name: str
    folder: str
    member: str = ""
    module: str = ""
    libraries: tuple[str, ...] = ()

    @property
    def build_arguments(self) -> dict[str, str]:
        """What its Dockerfile is told."""
        return {"IMAGE": self.name, "MODULE": self.module} if self.folder == "service" else {}


_OTHERS = (
    Image("spark", "spark", member="health-streaming-jobs"),
    Image("dev-kafka", "dev-kafka"),
    Image("dev-aws", "service", module="dev_aws", libraries=("moto",)),
)
# Spark itself is a layer of its own, and brings Ivy, which fetches the jars of other images as well.
PYSPARK = "pyspark"
# What AWS Glue installs for its jobs beside our code, which has the files with it. Glue 5.0 has boto3 and PySpark; its
# pyarrow is older than the one that reads our lake, and its boto3 (1.34) knows no Parameters of BatchExecuteStatement,
# by which a load has its values.
GLUE_JOBS = {
    "transform": ("prometheus-client", "pyarrow"),
    "load": ("boto3", "prometheus-client", "pyarrow"),
}
OF_GLUE_JOBS = Path("services", "catalog", "src", "health_catalog", "etl", "requirements")


def images(root: Path) -> dict[str, Image]:
    """All of them, by name."""
    services = [
        Image(member.folder.name, "service", member=member.name, module=member.service)
        for member in members(root).values()
        if member.service
    ]
    return {image.name: image for image in (*services, *_OTHERS)}


def locks(root: Path) -> dict[Path, str]:
    """The lock file of every image and of every Glue job, with what must be in it."""
    pinned, workspace = pins((root / "requirements.lock").read_text()), members(root)
    folder = root / "images" / "requirements"
    found = {folder / f"{PYSPARK}.lock": part(pinned, (), (PYSPARK,))}
    for image in images(root).values():
        ours = [member.name for member in with_needs(image.member, workspace)] if image.member else []
        if ours or image.libraries:
            found[folder / f"{image.name}.lock"] = part(pinned, ours, image.libraries)
    for job, libraries in GLUE_JOBS.items():
        found[root / OF_GLUE_JOBS / f"{job}.txt"] = part(pinned, (), libraries)
    return found
