"""Read each kind of data set into `Deaths`: one module for each kind."""
