"""120 scripts in the manner of published ones, each with the tables that it must save."""
