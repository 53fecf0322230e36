"""The conversations that nano is trained on and asked, one module for each skill."""
