"""Features of segments: bags in memory, the store on disk, extraction and import."""
