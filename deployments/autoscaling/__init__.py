"""How many gangs and routers there should be: pure policies, without Ray or an engine."""
