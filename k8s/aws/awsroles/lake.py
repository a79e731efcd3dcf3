"""Grants on the lake's objects: by prefix, and on its key only through S3."""

from __future__ import annotations

from awsroles.model import Grant

BUCKET = "arn:${Partition}:s3:::${Bucket}"


def objects(*folders: str) -> tuple[str, ...]:
    """ARNs of all that is under these folders, and of an object in the folder's own place.

    S3A looks for such a one before it makes a folder, for a folder cannot be where a file is.
    """
    return tuple(f"{BUCKET}/${{Prefix}}{folder}{below}" for folder in folders for below in ("", "/*"))


def lists(*folders: str) -> Grant:
    """Whether objects are there, under these folders.

    A request without a prefix is allowed too: S3 asks for this right, with no prefix, before it says of a missing
    object that it is missing, and not that access is denied. So is the look whether the bucket is there, and whether
    the lake's own folder is.
    """
    below = (text for folder in folders for text in (f"${{Prefix}}{folder}", f"${{Prefix}}{folder}/*"))
    prefixes = ("${Prefix}", *below)
    return Grant(
        "List",
        f"find objects under {_spoken(folders)}; be told that a missing one is missing",
        ("s3:ListBucket",),
        (BUCKET,),
        {"StringLikeIfExists": {"s3:prefix": prefixes}},
    )


def reads(*folders: str) -> Grant:
    """Read the objects under these folders."""
    return Grant("Read", f"read {_spoken(folders)}", ("s3:GetObject",), objects(*folders))


def writes(*folders: str, deletes: bool, why: str) -> Grant:
    """Write objects under these folders, a large one in parts; ``deletes``: also remove them."""
    actions = ("s3:AbortMultipartUpload", *(("s3:DeleteObject",) if deletes else ()), "s3:PutObject")
    return Grant("Write", why, actions, objects(*folders))


def key(*, write: bool) -> Grant:
    """Use the lake's key, on objects of the lake, by way of S3."""
    return Grant(
        "Key",
        "S3 uses the lake's key in the role's name; nobody can by themselves",
        ("kms:Decrypt", *(("kms:GenerateDataKey",) if write else ())),
        ("${KeyArn}",),
        {
            "StringEquals": {"kms:ViaService": ("s3.${Region}.amazonaws.com",)},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": (BUCKET, f"{BUCKET}/*")},
        },
    )


def _spoken(folders: tuple[str, ...]) -> str:
    return ", ".join(f"{folder}/" for folder in folders)
