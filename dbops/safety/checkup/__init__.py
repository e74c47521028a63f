"""`migrate validate`: what is wrong with a live database, each finding with the query that shows it and what mends it."""
