"""The demonstration under the tables of other platforms, one module each, to try their mappings on."""
