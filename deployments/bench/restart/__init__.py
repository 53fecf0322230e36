"""How soon a gang is back whose engine died, with `survival.warm` and without."""
