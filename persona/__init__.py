"""Turns a Segment space into a checked, cross-channel persona framework."""
