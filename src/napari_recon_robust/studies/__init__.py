"""From measurements and methods to a table, a curve or a map."""
