"""How `claims` reads: a text's sentences, their figures, and what the words say that each figure measures."""
