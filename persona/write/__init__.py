"""What the report for people is made of: its cards, charts, sentences, page and slides."""
