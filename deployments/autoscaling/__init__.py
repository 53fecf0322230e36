"""How many gangs and routers there should be: policies, and the service that runs them. No Ray."""
