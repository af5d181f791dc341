"""Plan product bundles, prices and audiences from transaction logs."""
