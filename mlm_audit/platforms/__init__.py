"""What a platform calls things: the mapping model, the shipped mappings, and the proof of a mapping."""
