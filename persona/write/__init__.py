"""What the report for people is made of: its figures, words, charts, prose and page."""
