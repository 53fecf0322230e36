"""Local files, whatever they hold: written whole, hashed, counted, and worked on in threads."""
