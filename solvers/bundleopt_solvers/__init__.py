"""Campaign problem, engine, solver backends, certificate and independent checker."""
