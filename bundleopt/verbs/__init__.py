"""What the product does, one function a verb, each with a result object: the Python face of the command line."""
