"""The BigQuery emulator's process: prints its address, and serves until its input ends."""

import asyncio
import sys
from functools import cache
from typing import Any

import sqlglot
from bqemulator.config import LogLevel, Settings
from bqemulator.server import EmulatorServer
from bqemulator.storage.engine import DuckDBEngine

# Each of the emulator's rewriters parses the whole query for itself, which takes most of its time.
parsed_once = cache(sqlglot.parse_one)


def parse_one(sql: str, **options: Any) -> Any:
    return parsed_once(sql, **options).copy()


async def main() -> None:
    server = EmulatorServer(Settings(rest_port=0, grpc_port=0, log_level=LogLevel.ERROR))
    await server.start()
    sys.stdout.write(f"{server.rest_url}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    sqlglot.parse_one = parse_one  # type: ignore[assignment]
    # It would come off the network, and no table here holds a place on earth.
    DuckDBEngine._load_spatial = lambda self: None  # type: ignore[method-assign] # noqa: ARG005, SLF001
    asyncio.run(main())
