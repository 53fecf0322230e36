"""YAML files that ship with small4, and the schemas, errors and settings they load into."""
