"""Two doors to one pipeline; each deployment serves one of them."""
