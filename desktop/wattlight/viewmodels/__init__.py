"""State to texts, flags and chart points: pure functions shared by both faces. Each file is a door."""
