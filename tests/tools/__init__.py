"""Tools of the developers, which no test runs by itself."""
