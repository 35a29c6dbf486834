"""The BigQuery emulator's process: prints its address, and serves until its input ends."""

import asyncio
import sys

import duckdb_extensions
from bqemulator.config import LogLevel, Settings
from bqemulator.server import EmulatorServer


async def main() -> None:
    # Out of the package, not off the network.
    duckdb_extensions.import_extension("spatial")
    server = EmulatorServer(Settings(rest_port=0, grpc_port=0, log_level=LogLevel.ERROR))
    await server.start()
    sys.stdout.write(f"{server.rest_url}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
