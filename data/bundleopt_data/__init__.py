"""The ground floor: vocabulary, schema, errors, readers, cleaning, panel, sample data."""
