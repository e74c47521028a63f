"""What leads from one schema to another, as statements: `migrate diff`."""
