"""Where profiles come from: one file a source, each with a `fetch`."""
