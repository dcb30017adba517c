"""120 scripts in the style of published ones, each with the tables that it must save."""
