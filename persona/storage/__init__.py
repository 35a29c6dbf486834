"""Objects in Cloud Storage or in a folder, and one run's folder among them."""

from pathlib import Path

from persona.deadline import Deadline
from persona.storage.bucket import Bucket


def open_bucket(output: str, deadline: Deadline | None = None) -> Bucket:
    """The bucket that `gs://BUCKET[/PREFIX]` names, or the folder of any other path; nothing is opened yet.

    A run's deadline shortens how long an operation is tried.
    """
    # Each store only where it is used: Google's client takes 0.3 s to import, and not every system has the
    # lock that the folder needs.
    if not output.startswith("gs://"):
        from persona.storage.folder import Folder  # noqa: PLC0415 - see above

        return Folder(Path(output), deadline=deadline)
    from persona.storage.cloud import CloudBucket  # noqa: PLC0415 - see above

    bucket, _, prefix = output.removeprefix("gs://").partition("/")
    return CloudBucket(bucket, prefix.strip("/"), deadline=deadline)
