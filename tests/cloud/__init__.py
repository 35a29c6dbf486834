"""Fake Segment, Mave, Storage and BigQuery on local ports, each as strict as the real one.

with FakeMave(answer("## 1. Web Dominant …")) as mave:
    requests.post(f"{mave.url}/mave/chat", …)
assert [message] == mave.paid
"""

from cloud.bigquery import Emulator, FakeBigQuery, bigquery_error, job_error, why_not_here
from cloud.mave import FakeMave, Thread, Turn, answer, error, lose, raw, refuse
from cloud.segment import FakeSegment, listing_error, profile_error
from cloud.server import Ending, Reply, Request, Scripted, Service, json_reply
from cloud.storage import Call, FakeStorage, Fault

__all__ = [
    "Call",
    "Emulator",
    "Ending",
    "FakeBigQuery",
    "FakeMave",
    "FakeSegment",
    "FakeStorage",
    "Fault",
    "Reply",
    "Request",
    "Scripted",
    "Service",
    "Thread",
    "Turn",
    "answer",
    "bigquery_error",
    "error",
    "job_error",
    "json_reply",
    "listing_error",
    "lose",
    "profile_error",
    "raw",
    "refuse",
    "why_not_here",
]
