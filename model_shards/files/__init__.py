"""Local files, whatever they hold: whole writes, hashes, room on disk, byte counts, threads."""
