"""Templates and style sheet of the HTML report (a package, so that they are installed with the program)."""
