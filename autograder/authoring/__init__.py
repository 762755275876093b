"""From a lesson's text to what is handed out: read it, build both notebooks, pack the bundle."""
