"""Values and pure rules. Each package below this one is a door of its own."""
