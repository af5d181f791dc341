"""The what-if page: a server on loopback that plans in child processes and shows what comes of it."""
